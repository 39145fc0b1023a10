// A region: count with its interval, density, shares of classes; as CSV; or marked as finished.

import { download, layerPath, post } from "./api.js";
import { $, number, rows, save, say } from "./dom.js";
import { boxRing, inside } from "./geometry.js";

export class Regions {
  constructor(app) {
    this.app = app;
    for (const button of document.querySelectorAll("[data-region]")) button.addEventListener("click", () => this.draw(button.dataset.region));
    $("region-clear").addEventListener("click", () => this.set(null));
    $("finish").addEventListener("click", () => this.finish());
    $("region-csv").addEventListener("click", () => this.csv());
  }

  draw(kind) {
    const { app } = this, { box } = app.stage.view, { width, height } = app.item;
    if (kind === "view") return this.set(boxRing({ x0: Math.max(0, box.x0), y0: Math.max(0, box.y0), x1: Math.min(width, box.x1), y1: Math.min(height, box.y1) }));
    return app.tools.start(kind, "Region.", (ring) => this.set(ring), kind === "brush" ? this.ring : null);
  }

  async set(ring) {
    Object.assign(this, { ring, found: null });
    this.app.stage.redraw();
    this.tell();
    if (!ring) return;
    try {
      const found = await post(layerPath(this.app.item, this.app.layer.id, "/region"), { polygon: ring });
      if (ring === this.ring) this.found = found;
    } catch (error) { say(error.message); }
    this.tell();
  }

  /** Corrections change the count at once: what was deleted in the region is out, what was drawn in it is in. */
  countAgain() { if (this.found) this.tell(); }

  corrected() {
    const { nuclei } = this.app, old = this.found.indices.filter((index) => nuclei.deleted[index] === 1 || nuclei.change(index)?.verdict === "rejected").length;
    return this.found.count - old + nuclei.extra.filter(({ key, verdict }) => typeof key === "string" && verdict !== "rejected" && inside(this.ring, ...nuclei.centre(key))).length;
  }

  tell() {
    const { found } = this, { nuclei } = this.app;
    $("region-actions").hidden = !this.ring;
    $("finish").disabled = !this.app.correct.editable;
    if (!found) return rows($("region"), []);
    const measures = Object.entries(found.measures ?? {}).flatMap(([name, { median }]) => {
      const spec = nuclei.spec(name);
      return spec && !["x", "y"].includes(name) ? [[`${spec.label}, median`, `${number(median)} ${spec.unit ?? ""}`]] : [];
    });
    const corrected = this.corrected();
    return rows($("region"), [
      ["Nuclei", number(found.count)],
      ...(found.low === null || found.low === undefined ? [] : [["95 % interval", `${number(found.low)} to ${number(found.high)}`]]),
      ...(corrected === found.count ? [] : [["Nuclei, corrected", number(corrected)]]),
      ["Area", found.area_um2 === null ? "unknown" : found.area_um2 > 1e5 ? `${number(found.area_um2 / 1e6)} mm²` : `${number(found.area_um2)} µm²`],
      ["Density", found.density_per_mm2 === null ? "unknown" : `${number(found.density_per_mm2)} /mm²`],
      ...(found.classes?.length ? [["Classes"], ...found.classes.map(({ name, count, share }) => [name, `${number(count)} (${number(Math.round(1000 * share) / 10)} %)`])] : []),
      ...(measures.length ? [["Measures"], ...measures] : []),
    ]);
  }

  async finish() {
    const { correct } = this.app;
    if (!this.ring) return say("Draw a region first, then mark it as finished.");
    if (await correct.send({ action: "finish", polygon: this.ring })) { this.set(null); say("Finished region written. It becomes an image of the next training.", true); }
    return null;
  }

  async csv() {
    const { item, layer } = this.app;
    try { save(await download(layerPath(item, layer.id, "/region.csv"), { polygon: this.ring }), `${item.name} region.csv`); } catch (error) { say(error.message); }
  }

  sketch(view) {
    if (this.ring) this.app.stage.trace(view, this.ring, { colour: "#0b57d0", dash: [7, 4], fill: "#0b57d014" });
  }
}
