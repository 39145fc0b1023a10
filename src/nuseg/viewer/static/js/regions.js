// A region: count with its interval, density, shares of classes; as CSV; or marked as finished.
import { download, layerPath, post } from "./api.js";
import { $, clicks, number, rows, save, say } from "./dom.js";
import { boxRing, inside } from "./geometry.js";
export class Regions {
  constructor(app) {
    this.app = app;
    for (const button of document.querySelectorAll("[data-region]")) button.addEventListener("click", () => this.draw(button.dataset.region));
    clicks({ "region-clear": () => this.set(null), finish: () => this.finish(), "region-csv": () => this.csv() });
  }

  draw(kind) {
    const { app } = this, { x0, y0, x1, y1 } = app.stage.view.box, { width, height } = app.item;
    if (kind === "view") this.set(boxRing({ x0: Math.max(0, x0), y0: Math.max(0, y0), x1: Math.min(width, x1), y1: Math.min(height, y1) }));
    else app.tools.start(kind, "Region.", (ring) => this.set(ring), kind === "brush" ? this.ring : null);
  }

  async set(ring) {
    Object.assign(this, { ring, found: null });
    this.app.stage.redraw(); this.tell();
    const { item, layer } = this.app;
    if (!ring || !layer) return;
    const found = await post(layerPath(item, layer.id, "/region"), { polygon: ring });
    if (ring === this.ring && layer === this.app.layer) this.found = found;
    this.tell();
  }
  /** The count after corrections: what was taken away in the region is out, what was drawn in it is in. */
  corrected() {
    const { nuclei } = this.app, gone = (index) => nuclei.deleted[index] === 1 || nuclei.change(index)?.verdict === "rejected";
    const drawn = nuclei.extra.filter(({ key, verdict }) => typeof key === "string" && verdict !== "rejected");
    const within = drawn.filter(({ x0, y0, x1, y1 }) => inside(this.ring, (x0 + x1) / 2, (y0 + y1) / 2));
    return this.found.count - this.found.indices.filter(gone).length + within.length;
  }

  tell() {
    const { found, ring } = this, { nuclei, correct } = this.app;
    $("region-actions").hidden = !ring;
    $("finish").disabled = !correct.editable;
    if (!found) { rows($("region"), []); return; }
    const corrected = this.corrected(), known = (value, text) => (value === null ? "unknown" : text(value));
    const area = (value) => (value > 1e5 ? `${number(value / 1e6)} mm²` : `${number(value)} µm²`);
    const specs = nuclei.meta.columns.filter(({ name }) => found.measures[name] && name !== "x" && name !== "y");
    rows($("region"), [
      ["Nuclei", number(found.count)], ...(found.low === null ? [] : [["95 % interval", `${number(found.low)} to ${number(found.high)}`]]),
      ...(corrected === found.count ? [] : [["Nuclei, corrected", number(corrected)]]),
      ["Area", known(found.area_um2, area)], ["Density", known(found.density_per_mm2, (value) => `${number(value)} /mm²`)],
      ...(found.classes.length ? [["Classes"]] : []),
      ...found.classes.map(({ name, count, share }) => [name, `${number(count)} (${(100 * share).toFixed(1)} %)`]),
      ...(specs.length ? [["Medians"]] : []), ...specs.map(({ name, label, unit }) => [label, `${number(found.measures[name].median)} ${unit}`]),
    ]);
  }

  async finish() {
    if (!this.ring) { say("Draw a region first, then mark it as finished."); return; }
    if (!(await this.app.correct.send({ action: "finish", polygon: this.ring }))) return;
    this.set(null);
    say("Finished region written. It becomes an image of the next training.", true);
  }

  async csv() {
    const { item, layer } = this.app;
    save(await download(layerPath(item, layer.id, "/region.csv"), { polygon: this.ring }), `${item.name} region.csv`);
  }

  sketch(view) { if (this.ring) this.app.stage.trace(view, this.ring, { colour: "#0b57d0", dash: [7, 4], fill: "#0b57d014" }); }
}
