// Two layers of one image against each other, in colours.

import { get, itemPath } from "./api.js";
import { KINDS, KIND_MEANS, paintAll } from "./colours.js";
import { $, h, number, options, say } from "./dom.js";
import { Nuclei } from "./nuclei.js";

const MOST = 200000; // nuclei that the server compares at once

export class Compare {
  constructor(app) {
    this.app = app;
    $("compare-start").addEventListener("click", () => this.start($("compare-a").value, $("compare-b").value));
    $("compare-stop").addEventListener("click", () => this.stop());
  }

  open(item) {
    const pairs = item.layers.map(({ id, name }) => [id, name]), truth = item.layers.find(({ kind }) => kind === "truth") ?? item.layers[0];
    options($("compare-a"), pairs, truth?.id);
    options($("compare-b"), pairs, item.layers.find((layer) => layer !== truth)?.id);
    $("compare").hidden = pairs.length < 2;
    this.clear();
  }

  async start(a, b) {
    const { app } = this, { item } = app;
    if (a === b) return say("Choose two different layers to compare.");
    try {
      await app.openLayer(a);
      const other = await Nuclei.open(item, item.layers.find(({ id }) => id === b));
      const { box } = app.stage.view, part = app.nuclei.count + other.count > MOST ? { x: box.x0, y: box.y0, width: box.x1 - box.x0, height: box.y1 - box.y0 } : {};
      const answer = await get(itemPath(item, `/compare?${new URLSearchParams({ a, b, ...part })}`)); // of very many: what is in view
      if (item !== app.item) return null;
      const kinds = { a: answer.a.map((kind) => answer.kinds[kind]), b: answer.b.map((kind) => answer.kinds[kind]) };
      other.addEventListener("outlines", () => app.stage.redraw());
      other.rgba = paintAll(other, (key) => (kinds.b[key] === "matched" ? null : KINDS[kinds.b[key]]));
      other.texture = app.stage.painter.colours(null, other.rgba);
      app.comparison = { a, b, other, kindsOf: (nuclei) => (nuclei === other ? kinds.b : kinds.a) };
      this.tell(answer.counts);
      $("compare-stop").hidden = false;
      app.correct.buttons();
      await app.look.recolour();
    } catch (error) { return say(error.message); }
    return null;
  }

  /** What the colours mean, with counts. */
  tell(counts) {
    $("compare-counts").replaceChildren(...Object.entries(counts).map(([kind, count]) => h("tr", {},
      h("th", { scope: "row" }, h("span", { class: "key" }, h("span", { class: "swatch", colour: KINDS[kind] }), `${kind}: ${KIND_MEANS[kind] ?? ""}`)),
      h("td", {}, number(count)))));
  }

  clear() {
    this.app.comparison = null;
    $("compare-counts").replaceChildren();
    $("compare-stop").hidden = true;
  }

  async stop() {
    this.clear();
    await this.app.look.recolour();
    this.app.correct.buttons();
  }
}
