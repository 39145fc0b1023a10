// How nuclei are shown: colour, legend, filters, and outlines, points or density by how many are in view.
import { ACCEPTED, DRAWN, KINDS, PLAIN, REJECTED, UNKNOWN, densityMap, paintAll, rgb, table } from "./colours.js";
import { $, clicks, counted, h, number, options, swatch } from "./dom.js";
import { Histogram, quantiles } from "./histogram.js";
const MOST_OUTLINES = 12000, MOST_POINTS = 60000, MOST_CELLS = 300, LEAST_SCALE = 0.1; // device px per level-0 px
const MOST_CLASSES = 50; // in the legend
const REVIEW = "(review)", REVIEW_COLOURS = { "not judged": UNKNOWN, accepted: ACCEPTED, rejected: REJECTED, "drawn or redrawn": DRAWN };

export class Look {
  constructor(app) {
    Object.assign(this, { app, filters: new Map(), hidden: new Set() }); // column: [low, high]; names of classes
    this.histogram = new Histogram((range) => this.filter($("measure").value, range));
    const on = (name, ids, action) => ids.forEach((id) => $(id).addEventListener(name, action));
    on("change", ["colour"], () => this.colourBy($("colour").value));
    on("change", ["scale"], () => this.recolour());
    on("input", ["opacity", "fill", "mode"], () => { app.stage.redraw(); app.changed(); });
    on("change", ["measure"], () => this.showHistogram());
    clicks({ "clear-filters": () => { this.filters.clear(); this.hidden.clear(); this.recolour(); this.showHistogram(); } });
  }
  /** Fill the choices for a layer; filters by what it does not have are forgotten. */
  async open(nuclei) {
    this.choices();
    for (const name of this.filters.keys()) if (!nuclei.spec(name)) this.filters.delete(name);
    await this.recolour(); await this.showHistogram();
  }

  choices() {
    const columns = this.app.nuclei.meta.columns.filter(({ name }) => name !== "x" && name !== "y");
    const pair = ({ name, label, unit }) => [name, unit ? `${label} (${unit})` : label], measures = columns.filter(({ kind }) => kind === "number");
    options($("colour"), [["", "one colour"], ...columns.map(pair), [REVIEW, "review"]], this.colour ?? "");
    options($("measure"), measures.map(pair), $("measure").value || "area_um2");
  }

  async colourBy(name) {
    if (!this.app.nuclei) return;
    this.colour = $("colour").value = name;
    if (this.app.nuclei.spec(name)?.kind === "number" && $("fill").value === "0") $("fill").value = 0.45;
    await this.recolour();
  }
  async filter(name, range) { if (range) this.filters.set(name, range); else this.filters.delete(name); await this.recolour(); }
  async showHistogram() {
    const { nuclei } = this.app, name = $("measure").value, values = nuclei && name && (await nuclei.column(name));
    if (!name) $("histogram").replaceChildren();
    else if (nuclei && nuclei === this.app.nuclei) this.histogram.show(values, nuclei.deleted, nuclei.spec(name), this.filters.get(name));
  }
  /** Work out the colour of every nucleus again: after a change of colours, filters, corrections or comparison. */
  async recolour() {
    const { app } = this, { nuclei } = app;
    if (!nuclei) return;
    const spec = nuclei.spec(this.colour), classes = nuclei.meta.columns.filter(({ kind }) => kind === "class");
    const wanted = [...this.filters.keys(), ...classes.map(({ name }) => name), ...(spec ? [spec.name] : [])], values = {};
    await Promise.all(wanted.map(async (name) => { values[name] = await nuclei.column(name); }));
    if (nuclei !== app.nuclei) return;
    const filters = [...this.filters].map(([name, range]) => [values[name], ...range]);
    const classAt = (column, key) => {
      const change = nuclei.change(key), given = typeof key === "string" || (change && "class" in change);
      if (column.name === "class" && given) return column.classes.find(({ name }) => name === change.class);
      return column.classes[values[column.name][key]];
    };
    const passes = (key) => {
      if (typeof key === "number") for (const [column, low, high] of filters) if (!(column[key] >= low && column[key] <= high)) return false;
      return !this.hidden.size || classes.every((column) => !this.hidden.has(classAt(column, key)?.name ?? "none"));
    };
    const colour = this.colourOf(spec, values, classAt);
    nuclei.rgba = paintAll(nuclei, (key) => (passes(key) ? colour(key) : null));
    nuclei.texture = app.stage.painter.colours(nuclei.texture, nuclei.rgba);
    nuclei.density = null;
    this.legend(spec, classes); this.tellFilters();
    app.stage.redraw(); app.changed();
  }
  /** The function from a nucleus to its colour. */
  colourOf(spec, values, classAt) {
    const { nuclei, comparison } = this.app, unless = (colour) => (key) => (nuclei.change(key)?.verdict === "rejected" ? rgb(REJECTED) : colour(key));
    if (comparison) return (key) => rgb(KINDS[comparison.kinds[key]] ?? UNKNOWN);
    if (this.colour === REVIEW) return (key) => rgb(REVIEW_COLOURS[this.review(key)]);
    if (!spec) return unless(() => rgb(PLAIN));
    if (spec.kind === "class") return unless((key) => rgb(classAt(spec, key)?.color ?? UNKNOWN));
    const scale = table($("scale").value), [low, high] = this.range = quantiles(values[spec.name], [0.01, 0.99]), span = high - low || 1;
    return unless((key) => scale[Math.round(255 * Math.min(1, Math.max(0, (values[spec.name][key] - low) / span)))] ?? rgb(UNKNOWN));
  }

  review(key) {
    const change = this.app.nuclei.change(key);
    return change?.verdict ?? (typeof key === "string" || change?.polygon ? "drawn or redrawn" : "not judged");
  }

  tellFilters() {
    const { nuclei } = this.app, { count, extra, deleted, rgba } = nuclei, sum = (list, test) => list.reduce((total, one, i) => total + test(one, i), 0);
    const total = count + extra.length - sum(deleted, (one) => one > 0), shown = sum(rgba, (one, i) => i % 4 === 3 && one > 0);
    const told = (low, high) => (high === Infinity ? `from ${number(low)}` : `${number(low)} to ${number(high)}`);
    const range = (low, high) => (low === -Infinity ? `up to ${number(high)}` : told(low, high));
    const parts = [...this.filters].map(([name, ends]) => `${nuclei.spec(name).label} ${range(...ends)}`);
    if (this.hidden.size) parts.push(`without ${[...this.hidden].join(", ")}`);
    $("filtered").textContent = `${number(shown)} of ${counted(total)} shown${parts.length ? `: ${parts.join("; ")}` : ""}`;
    $("clear-filters").disabled = !parts.length;
  }

  legend(spec, classes) {
    const toggle = (name) => ({ target }) => { this.hidden[target.checked ? "delete" : "add"](name); this.recolour(); };
    const box = (name) => h("input", { type: "checkbox", checked: this.hidden.has(name) ? null : "", onchange: toggle(name) });
    const entries = classes.flatMap((column) => [...column.classes.slice(0, MOST_CLASSES), { name: "none", color: UNKNOWN }]);
    const boxes = entries.map(({ name, color }) => h("label", {}, box(name), swatch(color, name)));
    this.densityText = h("div", { class: "note" });
    let scale = [];
    if (this.app.comparison) boxes.length = 0;
    else if (this.colour === REVIEW) scale = Object.entries(REVIEW_COLOURS).map(([name, colour]) => h("div", {}, swatch(colour, name)));
    else if (spec?.kind === "number") {
      const bar = h("canvas", { width: 256, height: 1, role: "img", "aria-label": `Colours of ${spec.label}` }), context = bar.getContext("2d");
      context.putImageData(new ImageData(Uint8ClampedArray.from(table($("scale").value).flatMap((colour) => [...colour, 255])), 256, 1), 0, 0);
      const ends = [`≤ ${number(this.range[0])}`, spec.unit, `≥ ${number(this.range[1])}`];
      scale = [bar, h("div", { class: "ends" }, ...ends.map((text) => h("span", {}, text)))];
    }
    $("legend").replaceChildren(...scale, ...boxes, this.densityText);
  }
  /** Whether a nucleus, by its place among the colours, is drawn at present. */
  isShown = (slot) => this.app.nuclei.rgba[4 * slot + 3] > 0 && Number($("opacity").value) > 0;
  /** Paint the layer, and the other one of a comparison. */
  paint(view) {
    const { nuclei, comparison, item } = this.app;
    if (!nuclei?.texture) return;
    const runs = nuclei.runs(view.box), near = runs.reduce((sum, [from, to]) => sum + to - from, 0);
    const mode = this.choose(near, nuclei.cellsIn(view.box), view.scale);
    for (const layer of [nuclei, comparison?.other]) if (layer?.texture) this.paintLayer(layer, view, mode);
    const told = near > MOST_POINTS ? `${counted(near)} near` : `${counted(nuclei.shownIn(view.box, runs))} in view`;
    $("drawn").textContent = `${told}, ${mode === "density" ? "shown as density" : `drawn as ${mode}`}`;
    this.densityText.textContent = mode === "density" ? `Brightest: ${number(nuclei.density.top)} per ${item.mpp ? "mm²" : "cell of the map"}` : "";
  }

  choose(near, cells, scale) {
    const wanted = $("mode").value, few = cells <= MOST_CELLS && near <= MOST_OUTLINES * (wanted === "outlines" ? 4 : 1);
    if (wanted !== "auto" && (wanted !== "outlines" || few)) return wanted;
    if (few && scale >= LEAST_SCALE) return "outlines";
    return near <= MOST_POINTS ? "points" : "density";
  }

  paintLayer(layer, view, mode) {
    const { painter } = this.app.stage, { texture } = layer, opacity = Number($("opacity").value), size = Math.max(3, Math.min(8, 9 * view.zoom)) * view.ratio;
    const style = { opacity, fill: opacity * Number($("fill").value), width: view.ratio * Math.min(2, 1 + view.zoom / 2) };
    if (mode === "density") {
      if (!layer.density) {
        const map = layer.density = densityMap(layer, table($("scale").value));
        layer.densityTexture = painter.picture(layer.densityTexture, map.across, map.down, map.picture);
      }
      painter.density(layer.densityTexture, layer.density, opacity);
      return;
    }
    const { here, missing } = mode === "outlines" ? layer.outlines(view.box) : { here: [], missing: layer.runs(view.box) };
    painter.points(layer, missing, texture, opacity, size);
    painter.outlines(layer.extra.length ? [...here, layer.extraCell] : here, texture, style);
  }
}
