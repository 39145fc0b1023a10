// How nuclei are shown: colour, legend, filters, and outlines, points or density by how many are in view.

import { ACCEPTED, DRAWN, KINDS, PLAIN, REJECTED, UNKNOWN, densityMap, paintAll, table } from "./colours.js";
import { $, h, number, options } from "./dom.js";
import { Histogram, quantiles } from "./histogram.js";

const MOST_OUTLINES = 12000, MOST_POINTS = 60000, REVIEW = "(review)";
const REVIEW_COLOURS = [["not judged", UNKNOWN], ["accepted", ACCEPTED], ["rejected", REJECTED], ["drawn or redrawn", DRAWN]];

export class Look {
  constructor(app) {
    this.app = app;
    this.filters = new Map(); // column: [low, high]
    this.hidden = new Set(); // names of classes
    this.histogram = new Histogram((range) => this.setFilter($("measure").value, range));
    $("colour").addEventListener("change", () => this.colourBy($("colour").value));
    $("scale").addEventListener("change", () => this.recolour());
    for (const id of ["opacity", "fill", "mode"]) $(id).addEventListener("input", () => { app.stage.redraw(); app.changed(); });
    $("measure").addEventListener("change", () => this.showHistogram());
    $("clear-filters").addEventListener("click", () => { this.filters.clear(); this.hidden.clear(); this.recolour(); this.showHistogram(); });
  }

  /** Fill the choices for a layer; what the layer does not have is forgotten. */
  async open(nuclei) {
    const columns = nuclei.meta.columns.filter(({ name }) => name !== "x" && name !== "y");
    const measures = columns.filter(({ kind }) => kind === "number"), names = columns.map(({ name }) => name);
    const title = (column) => (column.unit ? `${column.label} (${column.unit})` : column.label);
    options($("colour"), [["", "one colour"], ...columns.map((column) => [column.name, title(column)]), [REVIEW, "review"]], this.colour ?? "");
    options($("measure"), measures.map((column) => [column.name, title(column)]), $("measure").value || "area_um2");
    for (const name of this.filters.keys()) if (!names.includes(name)) this.filters.delete(name);
    this.colour = $("colour").value;
    await this.recolour();
    await this.showHistogram();
  }

  colourBy(name) {
    const spec = this.app.nuclei.spec(name);
    this.colour = $("colour").value = name;
    if (spec?.kind === "number" && Number($("fill").value) === 0) $("fill").value = 0.45;
    return this.recolour();
  }

  setFilter(name, range) {
    if (range) this.filters.set(name, range);
    else this.filters.delete(name);
    return this.recolour();
  }

  async showHistogram() {
    const { nuclei } = this.app, name = $("measure").value;
    if (!name) return;
    const values = await nuclei.column(name);
    if (nuclei === this.app.nuclei) this.histogram.show(values, nuclei.deleted, nuclei.spec(name), this.filters.get(name));
  }

  /** Work out the colour of every nucleus again: after a change of colours, filters, corrections or comparison. */
  async recolour() {
    const { app } = this, { nuclei, comparison } = app;
    const spec = nuclei.spec(this.colour), classes = nuclei.meta.columns.filter(({ kind }) => kind === "class");
    const wanted = [...this.filters.keys(), ...classes.map(({ name }) => name), ...(spec ? [spec.name] : [])];
    const columns = Object.fromEntries(await Promise.all(wanted.map(async (name) => [name, await nuclei.column(name)])));
    if (nuclei !== app.nuclei) return;
    const filters = [...this.filters].map(([name, [low, high]]) => [columns[name], low, high]);
    const classAt = (column, key) => {
      const change = nuclei.change(key);
      if (column.name === "class" && (typeof key === "string" || (change && "class" in change))) return column.classes.find(({ name }) => name === change?.class);
      return typeof key === "string" ? undefined : column.classes[columns[column.name][key]];
    };
    const passes = (key) => {
      if (typeof key !== "string") for (const [values, low, high] of filters) if (!(values[key] >= low && values[key] <= high)) return false;
      return !this.hidden.size || classes.every((column) => !this.hidden.has(classAt(column, key)?.name ?? "none"));
    };
    let colour = () => PLAIN;
    this.range = null;
    if (comparison) colour = (key) => KINDS[comparison.kindsOf(nuclei)[key]] ?? UNKNOWN;
    else if (this.colour === REVIEW) colour = (key) => REVIEW_COLOURS[this.review(nuclei, key)][1];
    else if (spec?.kind === "class") colour = (key) => classAt(spec, key)?.color ?? UNKNOWN;
    else if (spec) {
      const values = columns[spec.name], scale = table($("scale").value), hex = [];
      this.range = quantiles(values, [0.01, 0.99]);
      for (let i = 0; i < 256; i++) hex.push(`#${[...scale.subarray(3 * i, 3 * i + 3)].map((part) => part.toString(16).padStart(2, "0")).join("")}`);
      const [low, high] = this.range, span = high - low || 1;
      colour = (key) => {
        const value = values[key];
        return value === undefined || Number.isNaN(value) ? UNKNOWN : hex[Math.round(255 * Math.min(1, Math.max(0, (value - low) / span)))];
      };
    }
    const seen = comparison ? colour : (key) => (nuclei.change(key)?.verdict === "rejected" ? REJECTED : colour(key));
    nuclei.rgba = paintAll(nuclei, (key) => (passes(key) ? seen(key) : null));
    nuclei.texture = app.stage.painter.colours(nuclei.texture, nuclei.rgba);
    nuclei.density = null;
    let shown = 0;
    for (let i = 3; i < nuclei.rgba.length; i += 4) if (nuclei.rgba[i]) shown++;
    this.shown = shown;
    this.legend(spec, classes);
    this.tellFilters();
    app.stage.redraw();
    app.changed();
  }

  review(nuclei, key) {
    const change = nuclei.change(key);
    if (change?.verdict) return change.verdict === "accepted" ? 1 : 2;
    return typeof key === "string" || change?.polygon ? 3 : 0;
  }

  tellFilters() {
    const { nuclei } = this.app, total = nuclei.count + nuclei.extra.length - nuclei.deleted.reduce((sum, one) => sum + (one > 0), 0);
    const parts = [...this.filters].map(([name, [low, high]]) => `${nuclei.spec(name).label} ${number(low)} to ${number(high)}`);
    if (this.hidden.size) parts.push(`without ${[...this.hidden].join(", ")}`);
    $("filtered").textContent = `${number(this.shown)} of ${number(total)} nuclei shown${parts.length ? `: ${parts.join("; ")}` : ""}`;
    $("clear-filters").disabled = !parts.length;
  }

  legend(spec, classes) {
    const legend = $("legend"), { nuclei, comparison } = this.app;
    const key = (name, colour) => h("div", { class: "key" }, h("span", { class: "swatch", colour }), name);
    legend.replaceChildren();
    if (comparison) return;
    if (this.colour === REVIEW) legend.append(...REVIEW_COLOURS.map(([name, colour]) => key(name, colour)));
    else if (spec?.kind === "number") {
      const bar = h("canvas", { width: 256, height: 1, role: "img", "aria-label": `Colours of ${spec.label}` });
      const context = bar.getContext("2d"), picture = context.createImageData(256, 1), scale = table($("scale").value);
      for (let i = 0; i < 256; i++) picture.data.set([...scale.subarray(3 * i, 3 * i + 3), 255], 4 * i);
      context.putImageData(picture, 0, 0);
      legend.append(bar, h("div", { class: "ends" }, h("span", {}, `≤ ${number(this.range[0])}`), h("span", {}, spec.unit || ""), h("span", {}, `≥ ${number(this.range[1])}`)));
    }
    for (const column of classes) {
      const entries = [...column.classes, { name: "none", color: UNKNOWN }];
      legend.append(...entries.map(({ name, color }) => h("label", {},
        h("input", { type: "checkbox", ...(this.hidden.has(name) ? {} : { checked: "" }), onchange: (event) => {
          if (event.target.checked) this.hidden.delete(name);
          else this.hidden.add(name);
          this.recolour();
        } }), h("span", { class: "swatch", colour: color }), h("span", {}, name))));
    }
    this.densityLegend = h("div", { class: "note" });
    legend.append(this.densityLegend);
  }

  /** Whether a nucleus is drawn at present. */
  isShown = (slot) => this.app.nuclei.rgba[4 * slot + 3] > 0 && Number($("opacity").value) > 0;

  /** Paint the layer, and the other one of a comparison. */
  paint(view) {
    const { nuclei, comparison } = this.app, opacity = Number($("opacity").value);
    if (!nuclei?.texture) return;
    const runs = nuclei.runs(view.box), near = runs.reduce((sum, [from, to]) => sum + to - from, 0), mode = this.choose(near, view);
    for (const layer of [nuclei, comparison?.other]) if (layer?.texture) this.paintLayer(layer, view, mode, opacity);
    const how = mode === "density" ? "shown as density" : `drawn as ${mode}`;
    $("drawn").textContent = near > MOST_POINTS ? `${number(near)} nuclei near, ${how}` : `${number(this.inView(nuclei, runs, view.box))} nuclei in view, ${how}`;
    if (this.densityLegend) this.densityLegend.textContent = mode === "density" && nuclei.density
      ? `Density up to ${number(nuclei.density.top)} ${nuclei.density.known ? "per mm²" : "per cell of the map"}` : "";
  }

  inView({ order, x, y, rgba, count, extra }, runs, { x0, y0, x1, y1 }) {
    let sum = extra.filter((one, i) => rgba[4 * (count + i) + 3] && one.x1 > x0 && one.x0 < x1 && one.y1 > y0 && one.y0 < y1).length;
    for (const [from, to] of runs)
      for (let i = from; i < to; i++) {
        const key = order[i];
        if (rgba[4 * key + 3] && x[key] >= x0 && x[key] <= x1 && y[key] >= y0 && y[key] <= y1) sum++;
      }
    return sum;
  }

  choose(inView, view) {
    const wanted = $("mode").value;
    if (wanted === "outlines" && inView > 4 * MOST_OUTLINES) return "points";
    if (wanted !== "auto") return wanted;
    if (inView <= MOST_OUTLINES && view.scale >= 0.1) return "outlines";
    return inView <= MOST_POINTS ? "points" : "density";
  }

  paintLayer(layer, view, mode, opacity) {
    const { painter } = this.app.stage, width = view.ratio * (view.zoom > 1.5 ? 2 : 1.5), size = Math.max(3, Math.min(8, 9 * view.zoom)) * view.ratio;
    const style = { opacity, fill: opacity * Number($("fill").value), width };
    if (mode === "density") {
      layer.density ??= densityMap(layer, layer.rgba, $("scale").value);
      const map = layer.density;
      if (map.drawn !== map.picture) layer.densityTexture = painter.picture(layer.densityTexture, map.across, map.down, map.picture);
      map.drawn = map.picture;
      painter.density(layer.densityTexture, map.width, map.height, layer.texture, opacity);
      return;
    }
    if (mode === "points") painter.points(layer, layer.runs(view.box), layer.texture, opacity, size);
    else {
      const { here, missing } = layer.outlines(view.box, 48);
      painter.points(layer, missing, layer.texture, opacity, size);
      painter.outlines(here, layer.texture, style);
    }
    if (layer.extra.length) painter.outlines([layer.extraCell], layer.texture, style);
  }
}
