// Two layers of one image against each other, in colours.
import { ApiError, get, itemPath } from "./api.js";
import { KINDS, KIND_MEANS, UNKNOWN, paintAll, rgb } from "./colours.js";
import { $, clicks, number, options, rows, swatch } from "./dom.js";
import { Nuclei } from "./nuclei.js";
const MOST = 200000; // nuclei that the server compares at once

export class Compare {
  constructor(app) {
    this.app = app;
    clicks({
      "compare-start": () => this.start($("compare-a").value, $("compare-b").value),
      "compare-stop": () => { this.end(); app.look.recolour(); app.correct.buttons(); },
    });
  }

  open(item) {
    const pairs = item.layers.map(({ id, name }) => [id, name]), truth = item.layers.find(({ kind }) => kind === "truth") ?? item.layers[0];
    options($("compare-a"), pairs, truth?.id);
    options($("compare-b"), pairs, item.layers.find((layer) => layer !== truth)?.id);
    $("compare").hidden = pairs.length < 2;
    this.end();
  }

  async start(a, b) {
    const { app } = this, { item } = app;
    if (a === b) throw new ApiError(0, { error: "Choose two different layers to compare." });
    this.end();
    await app.openLayer(a);
    const other = await Nuclei.open(item, item.layers.find(({ id }) => id === b), () => app.stage.redraw()), { x0, y0, x1, y1 } = app.stage.view.box;
    const part = app.nuclei.count + other.count > MOST ? { x: x0, y: y0, width: x1 - x0, height: y1 - y0 } : {}; // of very many: what is in view
    const answer = await get(itemPath(item, `/compare?${new URLSearchParams({ a, b, ...part })}`));
    if (item !== app.item) return;
    const named = (kinds) => kinds.map((kind) => answer.kinds[kind]), [ofA, ofB] = [named(answer.a), named(answer.b)];
    other.rgba = paintAll(other, (key) => (ofB[key] === "matched" ? null : rgb(KINDS[ofB[key]] ?? UNKNOWN)));
    other.texture = app.stage.painter.colours(null, other.rgba);
    app.comparison = { a, b, other, kinds: ofA };
    rows($("compare-counts"), Object.entries(answer.counts).map(([kind, count]) => [swatch(KINDS[kind], `${kind}: ${KIND_MEANS[kind]}`), number(count)]));
    $("compare-stop").hidden = false;
    app.correct.buttons();
    await app.look.recolour();
  }

  end() {
    this.app.comparison?.other.close(this.app.stage.painter); this.app.comparison = null;
    $("compare-counts").replaceChildren(); $("compare-stop").hidden = true;
  }
}
