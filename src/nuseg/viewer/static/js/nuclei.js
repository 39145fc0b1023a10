// The nuclei of one layer: centroids and measures of all, outlines cell by cell as they come into view, corrections on top.

import { bytes, get, layerPath } from "./api.js";
import { bounds, centre, inside } from "./geometry.js";

const KEPT_CELLS = 600;

export class Nuclei extends EventTarget {
  static async open(item, layer) {
    const nuclei = new Nuclei();
    Object.assign(nuclei, { item, layer, meta: await get(layerPath(item, layer.id)) });
    nuclei.columns = new Map();
    [nuclei.x, nuclei.y] = await Promise.all([nuclei.column("x"), nuclei.column("y")]);
    nuclei.sort();
    nuclei.cells = new Map();
    nuclei.apply(null);
    return nuclei;
  }

  get count() { return this.meta.count; }

  /** Values of a column for nuclei 0..count-1. */
  column(name) {
    if (!this.columns.has(name)) {
      const path = layerPath(this.item, this.layer.id, `/columns/${encodeURIComponent(name)}.f32?v=${this.meta.version}`);
      this.columns.set(name, this.count ? bytes(path).then((buffer) => new Float32Array(buffer)) : new Float32Array(0));
    }
    return this.columns.get(name);
  }

  spec(name) { return this.meta.columns.find((column) => column.name === name); }

  /** Put the nuclei in the order of their cells, row by row, so that those in view are a few runs. */
  sort() {
    const size = this.meta.cell;
    this.across = Math.max(1, Math.ceil(this.item.width / size));
    this.down = Math.max(1, Math.ceil(this.item.height / size));
    const clip = (value, top) => Math.min(top - 1, Math.max(0, Math.floor(value / size)));
    const cellOf = Int32Array.from(this.x, (x, i) => clip(this.y[i], this.down) * this.across + clip(x, this.across));
    this.start = new Uint32Array(this.across * this.down + 1);
    for (const cell of cellOf) this.start[cell + 1]++;
    for (let cell = 0; cell < this.across * this.down; cell++) this.start[cell + 1] += this.start[cell];
    const next = this.start.slice();
    this.order = new Uint32Array(this.count);
    cellOf.forEach((cell, i) => { this.order[next[cell]++] = i; });
  }

  /** Runs [from, to) of `order` in a box, one for each row of cells. */
  runs(box) {
    const size = this.meta.cell, found = [];
    const left = Math.max(0, Math.floor(box.x0 / size)), right = Math.min(this.across - 1, Math.floor(box.x1 / size));
    const top = Math.max(0, Math.floor(box.y0 / size)), bottom = Math.min(this.down - 1, Math.floor(box.y1 / size));
    if (left > right) return found;
    for (let cy = top; cy <= bottom; cy++)
      found.push([this.start[cy * this.across + left], this.start[cy * this.across + right + 1]]);
    return found;
  }

  /** Outlines of the cells in a box that are here; those missing are asked for, the middle ones first, and their runs told. */
  outlines(box, reach = 0) {
    const size = this.meta.cell, wanted = [], here = [], missing = [];
    const middle = [(box.x0 + box.x1) / 2 / size - 0.5, (box.y0 + box.y1) / 2 / size - 0.5];
    for (let cy = Math.max(0, Math.floor((box.y0 - reach) / size)); cy <= Math.min(this.down - 1, (box.y1 + reach) / size); cy++)
      for (let cx = Math.max(0, Math.floor((box.x0 - reach) / size)); cx <= Math.min(this.across - 1, (box.x1 + reach) / size); cx++) {
        const at = cy * this.across + cx;
        if (this.start[at] === this.start[at + 1]) continue;
        const cell = this.cells.get(at);
        if (!cell?.xy) missing.push([this.start[at], this.start[at + 1]]);
        if (!cell) wanted.push([Math.hypot(cx - middle[0], cy - middle[1]), at, cx, cy]);
        else if (cell.xy) {
          this.cells.delete(at); // put it last: what was used longest ago goes first
          this.cells.set(at, cell);
          here.push(cell);
        }
      }
    wanted.sort((a, b) => a[0] - b[0]).forEach(([, at, cx, cy]) => this.fetchCell(at, cx, cy));
    return { here, missing };
  }

  async fetchCell(at, cx, cy) {
    this.cells.set(at, {});
    try {
      const buffer = await bytes(layerPath(this.item, this.layer.id, `/outlines/${cx}_${cy}.bin?v=${this.meta.version}`));
      const n = new Uint32Array(buffer, 0, 1)[0];
      const index = new Uint32Array(buffer, 4, n), start = new Uint32Array(buffer, 4 + 4 * n, n + 1);
      const xy = new Float32Array(buffer, 8 + 8 * n, 2 * start[n]);
      this.cells.set(at, { index, start, xy, x: cx * this.meta.cell, y: cy * this.meta.cell });
    } catch (error) {
      this.cells.delete(at);
      this.dispatchEvent(new CustomEvent("fault", { detail: error }));
      return;
    }
    for (const [key, cell] of this.cells) {
      if (this.cells.size <= KEPT_CELLS) break;
      if (cell.xy) { cell.free?.(); this.cells.delete(key); }
    }
    this.dispatchEvent(new Event("outlines"));
  }

  /** Take over the state of the corrections: nuclei that are gone, and outlines that were drawn. */
  apply(state) {
    this.changed = state?.changed ?? {};
    this.deleted = new Uint8Array(this.count); // 1: deleted, 2: drawn anew
    for (const index of state?.deleted ?? []) this.deleted[index] = 1;
    this.extra = [];
    for (const [index, change] of Object.entries(this.changed))
      if (change.polygon && this.deleted[index] !== 1) {
        this.deleted[index] = 2;
        this.extra.push({ key: Number(index), ring: change.polygon });
      }
    for (const added of state?.added ?? []) this.extra.push({ key: added.id, ring: added.polygon, class: added.class, verdict: added.verdict });
    this.extra.forEach((extra) => Object.assign(extra, bounds(extra.ring)));
    this.extraCell?.free?.();
    this.extraCell = cellOfRings(this.extra.map((extra) => extra.ring), this.count);
  }

  close(painter) {
    for (const cell of [...this.cells.values(), this.extraCell]) cell.free?.();
    painter.forget(this);
  }

  change(key) {
    return typeof key === "number" ? this.changed[key] : this.extra.find((extra) => extra.key === key);
  }

  /** The outline of a nucleus, or null if its cell is not here yet. */
  ring(key) {
    const extra = this.extra.find((one) => one.key === key);
    if (extra) return extra.ring;
    if (typeof key !== "number" || key >= this.count) return null;
    const clip = (value, top) => Math.min(top - 1, Math.max(0, Math.floor(value / this.meta.cell)));
    const cell = this.cells.get(clip(this.y[key], this.down) * this.across + clip(this.x[key], this.across));
    if (!cell?.xy) return null;
    const at = cell.index.indexOf(key);
    return at < 0 ? null : ringAt(cell, at);
  }

  centre(key) {
    const extra = this.extra.find((one) => one.key === key);
    return extra ? centre(extra.ring) : [this.x[key], this.y[key]];
  }

  /** The nucleus at a point that is shown, else the nearest centroid within `reach`; null if there is none. */
  hit(x, y, reach, shown) {
    const over = this.extra.filter((one, i) => shown(this.count + i) && x >= one.x0 && x <= one.x1 && y >= one.y0 && y <= one.y1);
    for (const one of over.reverse()) if (inside(one.ring, x, y)) return one.key;
    const around = 64, box = { x0: x - around, y0: y - around, x1: x + around, y1: y + around };
    for (const cell of this.outlines(box).here)
      for (let i = 0; i < cell.index.length; i++) {
        const key = cell.index[i];
        if (!this.deleted[key] && shown(key) && Math.abs(this.x[key] - x) < around && Math.abs(this.y[key] - y) < around
          && inside(ringAt(cell, i), x, y)) return key;
      }
    let best = null, least = reach;
    for (const [from, to] of this.runs({ x0: x - reach, y0: y - reach, x1: x + reach, y1: y + reach }))
      for (let i = from; i < to; i++) {
        const key = this.order[i], away = Math.hypot(this.x[key] - x, this.y[key] - y);
        if (away < least && !this.deleted[key] && shown(key)) [best, least] = [key, away];
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
export function cellOfRings(rings, first) {
  const [x, y] = rings.length ? rings[0][0] : [0, 0];
  const start = new Uint32Array(rings.length + 1);
  rings.forEach((ring, i) => { start[i + 1] = start[i] + ring.length; });
  return { index: Uint32Array.from(rings, (_, i) => first + i), start, x, y,
    xy: Float32Array.from(rings.flatMap((ring) => ring.flatMap((p) => [p[0] - x, p[1] - y]))) };
}
