// The nuclei of one layer: centroids and measures of all, outlines cell by cell as they come into view, corrections on top.
import { bytes, get, layerPath } from "./api.js";
import { bounds, inside } from "./geometry.js";
const KEPT_CELLS = 600, AT_ONCE = 12; // cells with outlines that are kept, that are asked for
const REACH_UM = 16, REACH = 64; // that a nucleus may reach from its centroid into other cells: um, px at least

export class Nuclei {
  /** Read a layer; `onoutlines` is called when outlines have come. */
  static async open(item, layer, onoutlines) {
    const nuclei = new Nuclei(), meta = await get(layerPath(item, layer.id)), size = meta.cell;
    const [across, down] = [item.width, item.height].map((side) => Math.max(1, Math.ceil(side / size)));
    Object.assign(nuclei, { item, layer, onoutlines, meta, across, down, columns: new Map(), cells: new Map(), asked: 0 });
    nuclei.reach = Math.max(REACH, REACH_UM / (item.mpp ?? 0.25));
    [nuclei.x, nuclei.y] = await Promise.all([nuclei.column("x"), nuclei.column("y")]);
    nuclei.sort(); nuclei.apply(null);
    return nuclei;
  }

  get count() { return this.meta.count; }
  /** Values of a column for nuclei 0..count-1. */
  column(name) {
    const path = layerPath(this.item, this.layer.id, `/columns/${encodeURIComponent(name)}.f32?v=${this.meta.version}`);
    if (!this.columns.has(name)) this.columns.set(name, this.count ? bytes(path).then((buffer) => new Float32Array(buffer)) : new Float32Array(0));
    return this.columns.get(name);
  }

  spec(name) { return this.meta.columns.find((column) => column.name === name); }
  cellAt(x, y) {
    const clip = (value, most) => Math.min(most - 1, Math.max(0, Math.floor(value / this.meta.cell)));
    return clip(y, this.down) * this.across + clip(x, this.across);
  }
  /** Put the nuclei in the order of their cells, row by row, so that those in view are a few runs. */
  sort() {
    const cellOf = Int32Array.from(this.x, (x, i) => this.cellAt(x, this.y[i])), cells = this.across * this.down;
    this.start = new Uint32Array(cells + 1);
    for (const cell of cellOf) this.start[cell + 1]++;
    for (let cell = 0; cell < cells; cell++) this.start[cell + 1] += this.start[cell];
    const next = this.start.slice();
    this.order = new Uint32Array(this.count);
    cellOf.forEach((cell, i) => { this.order[next[cell]++] = i; });
  }
  /** Columns and rows of the cells that a box meets: [left, top, right, bottom], the last ones included. */
  range({ x0, y0, x1, y1 }) {
    const at = (value) => Math.floor(value / this.meta.cell);
    return [Math.max(0, at(x0)), Math.max(0, at(y0)), Math.min(this.across - 1, at(x1)), Math.min(this.down - 1, at(y1))];
  }

  cellsIn(box) { const [left, top, right, bottom] = this.range(box); return Math.max(0, right - left + 1) * Math.max(0, bottom - top + 1); }
  /** Runs [from, to) of `order` in the cells that a box meets, one for each row. */
  runs(box) {
    const [left, top, right, bottom] = this.range(box), found = [];
    for (let cy = top; cy <= bottom && left <= right; cy++) found.push([this.start[cy * this.across + left], this.start[cy * this.across + right + 1]]);
    return found;
  }
  /** How many nuclei that are shown have their centroid in a box. */
  shownIn({ x0, y0, x1, y1 }, runs) {
    const within = (x, y) => x >= x0 && x <= x1 && y >= y0 && y <= y1;
    let sum = this.extra.filter((one, i) => this.rgba[4 * (this.count + i) + 3] && within((one.x0 + one.x1) / 2, (one.y0 + one.y1) / 2)).length;
    for (const [from, to] of runs) for (const key of this.order.subarray(from, to)) sum += this.rgba[4 * key + 3] > 0 && within(this.x[key], this.y[key]);
    return sum;
  }
  /** Outlines of the cells in a box that are here; the nearest missing ones are asked for, and their runs told. */
  outlines({ x0, y0, x1, y1 }) {
    const { reach } = this, [left, top, right, bottom] = this.range({ x0: x0 - reach, y0: y0 - reach, x1: x1 + reach, y1: y1 + reach });
    const wanted = [], here = [], missing = [], { cell: size } = this.meta, [x, y] = [(x0 + x1) / 2, (y0 + y1) / 2];
    const away = (cx, cy) => Math.hypot((cx + 0.5) * size - x, (cy + 0.5) * size - y);
    for (let cy = top; cy <= bottom; cy++)
      for (let cx = left; cx <= right; cx++) {
        const at = cy * this.across + cx, cell = this.cells.get(at), run = [this.start[at], this.start[at + 1]];
        if (cell?.xy) {
          this.cells.delete(at); // put it last: what was used longest ago goes first
          this.cells.set(at, cell);
          here.push(cell);
        } else if (run[1] > run[0]) { missing.push(run); if (!cell) wanted.push([away(cx, cy), at, cx, cy]); }
      }
    wanted.sort((a, b) => a[0] - b[0]).slice(0, Math.max(0, AT_ONCE - this.asked)).forEach(([, at, cx, cy]) => this.fetchCell(at, cx, cy));
    return { here, missing };
  }

  async fetchCell(at, cx, cy) {
    const size = this.meta.cell, path = layerPath(this.item, this.layer.id, `/outlines/${cx}_${cy}.bin?v=${this.meta.version}`);
    this.cells.set(at, {}); this.asked++;
    try {
      const buffer = await bytes(path), n = new Uint32Array(buffer, 0, 1)[0], start = new Uint32Array(buffer, 4 + 4 * n, n + 1);
      this.cells.set(at, { index: new Uint32Array(buffer, 4, n), start, xy: new Float32Array(buffer, 8 + 8 * n, 2 * start[n]), x: cx * size, y: cy * size });
    } catch (error) { this.cells.delete(at); throw error; } finally { this.asked--; }
    for (const [key, cell] of this.cells) { if (this.cells.size <= KEPT_CELLS) break; if (cell.xy) { cell.free?.(); this.cells.delete(key); } }
    this.onoutlines();
  }
  /** Take over the state of the corrections: nuclei that are gone, outlines that were drawn, classes that were given. */
  apply(state) {
    const { columns } = this.meta, classes = state?.classes ?? [], spec = this.spec("class");
    if (spec && state) spec.classes = classes;
    else if (classes.length) columns.push({ name: "class", label: "Class", unit: "", kind: "class", classes });
    this.changed = state?.changed ?? {};
    this.deleted = new Uint8Array(this.count); // 1: deleted, 2: drawn anew
    for (const index of state?.deleted ?? []) this.deleted[index] = 1;
    const redrawn = Object.entries(this.changed).filter(([index, { polygon }]) => polygon && !this.deleted[index]);
    for (const [index] of redrawn) this.deleted[index] = 2;
    const added = (state?.added ?? []).map((one) => ({ ...one, key: one.id }));
    this.extra = [...redrawn.map(([index, { polygon }]) => ({ key: Number(index), polygon })), ...added].map((one) => ({ ...one, ...bounds(one.polygon) }));
    this.extraCell?.free?.();
    this.extraCell = cellOfRings(this.extra.map(({ polygon }) => polygon), this.count);
  }

  close(painter) { for (const cell of [...this.cells.values(), this.extraCell]) cell.free?.(); painter.forget(this); }
  has(key) { return typeof key === "number" ? key in this.x && this.deleted[key] !== 1 : this.extra.some((one) => one.key === key); }
  change(key) { return typeof key === "number" ? this.changed[key] : this.extra.find((extra) => extra.key === key); }
  /** The outline of a nucleus; empty if its cell is not here yet. */
  ring(key) {
    const extra = this.extra.find((one) => one.key === key), cell = this.cells.get(this.cellAt(this.x[key], this.y[key]));
    return extra?.polygon ?? (cell?.xy ? ringAt(cell, cell.index.indexOf(key)) : []);
  }
  /** The nucleus at a point that is shown, else the one with the nearest centroid within `reach`; null if there is none. */
  hit(x, y, reach, shown) {
    const drawn = this.extra.filter((one, i) => shown(this.count + i) && inside(one.polygon, x, y));
    if (drawn.length) return drawn.at(-1).key;
    const around = Math.max(this.reach, reach);
    let best = null, least = Infinity;
    for (const [from, to] of this.runs({ x0: x - around, y0: y - around, x1: x + around, y1: y + around }))
      for (const key of this.order.subarray(from, to)) {
        const away = Math.hypot(this.x[key] - x, this.y[key] - y);
        if (away > around || away > least || this.deleted[key] || !shown(key)) continue;
        if (away <= reach || inside(this.ring(key), x, y)) [best, least] = [key, away];
      }
    return best;
  }
}

function ringAt(cell, i) {
  const ring = [];
  for (let p = cell.start[i]; p < cell.start[i + 1]; p++) ring.push([cell.x + cell.xy[2 * p], cell.y + cell.xy[2 * p + 1]]);
  return ring;
}

/** Rings in the form of an outline cell, numbered from `first` on. */
function cellOfRings(rings, first) {
  const [x, y] = rings[0]?.[0] ?? [0, 0], start = new Uint32Array(rings.length + 1);
  rings.forEach((ring, i) => { start[i + 1] = start[i] + ring.length; });
  const xy = Float32Array.from(rings.flat().flatMap((point) => [point[0] - x, point[1] - y]));
  return { index: Uint32Array.from(rings, (_, i) => first + i), start, x, y, xy };
}
