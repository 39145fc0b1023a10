// Drawing on the picture by mouse, pen, finger or keyboard: each tool gives a list of points in level-0 px.
import { $ } from "./dom.js";
import { border, bounds, boxRing, inside } from "./geometry.js";
const HINTS = {
  rectangle: "Drag from corner to corner. By keys: arrows move the cross, Space sets a corner.",
  polygon: "Drag around, or click corners and press Enter. By keys: arrows move the cross, Space sets a corner, Enter ends.",
  line: "Drag across, or click points and press Enter. By keys: arrows move the cross, Space sets a point, Enter ends.",
  brush: "Paint; Alt erases; a stroke that begins in the region goes on with it. Escape ends.",
};
const BRUSH = 24, STEP = 3, COLOUR = "#0b57d0"; // radius of the brush, distance of freehand points, in CSS px

export class Tools {
  constructor(stage) {
    this.stage = stage;
    const on = (name, action, options) => $("sketch").addEventListener(name, action, options);
    on("pointerdown", (event) => this.down(event));
    on("pointermove", (event) => this.move(event));
    on("pointerup", () => this.up());
    on("dblclick", () => this.finish());
    on("wheel", (event) => { event.preventDefault(); stage.zoomBy(event.deltaY < 0 ? 1.25 : 0.8, event.offsetX, event.offsetY); }, { passive: false });
  }

  get active() { return Boolean(this.kind); }
  /** Take up a tool; `done(points)` is called with what was drawn. `ring` is what a brush goes on with. */
  start(kind, what, done, ring = null) {
    Object.assign(this, { kind, done, ring, points: [], dragged: false, pressed: false });
    $("hint").textContent = `${what} ${HINTS[kind]}`;
    $("stage").focus();
    this.show();
  }

  cancel() { this.kind = null; this.show(); }
  show() { $("sketch").classList.toggle("tool", this.active); $("hint").hidden = !this.active; this.stage.redraw(); }
  down(event) {
    if (event.button || !this.kind) return;
    event.preventDefault();
    $("stage").focus(); $("sketch").setPointerCapture(event.pointerId);
    Object.assign(this, { pressed: true, dragged: false, erase: event.altKey });
    this.points.push(this.stage.toImage(event.offsetX, event.offsetY));
  }

  move(event) {
    if (!this.pressed) return;
    const last = this.points.at(-1), point = this.stage.toImage(event.offsetX, event.offsetY);
    if (Math.hypot(point[0] - last[0], point[1] - last[1]) * this.stage.view.zoom < STEP) return;
    this.dragged = true;
    if (this.kind === "rectangle" && this.points.length > 1) this.points.pop();
    this.points.push(point); this.stage.redraw();
  }

  up() {
    if (!this.pressed) return;
    this.pressed = false;
    if (this.dragged || this.full) this.finish();
    this.stage.redraw();
  }
  /** Whether the points that are set are all that the tool takes. */
  get full() { return this.kind === "brush" || (this.kind === "rectangle" && this.points.length > 1); }
  /** Keys of a tool in use; true if the key was for it. */
  key(key) {
    if (!this.kind) return false;
    if (key === "Escape") this.cancel();
    else if (key === "Enter") this.finish(); else if (key === "Backspace") this.points.pop();
    else if (key === " ") { this.points.push([this.stage.view.x, this.stage.view.y]); if (this.full) this.finish(); } else return false;
    this.stage.redraw();
    return true;
  }

  finish() {
    const { kind, done } = this;
    if (!kind || !this.points.length) return;
    const points = kind === "brush" ? this.painted() : kind === "rectangle" ? boxRing(bounds(this.points)) : this.points;
    const { x0, x1, y0, y1 } = bounds(points), whole = kind === "line" ? points.length > 1 : points.length > 2 && x1 > x0 && y1 > y0;
    if (kind === "brush" && whole) this.ring = points;
    if (kind === "brush" || !whole) this.points = [];
    else this.cancel();
    if (whole) done(points);
  }
  /** Outline of the brush's stroke, joined with the region that it began in, or taken off it. */
  painted() {
    const old = this.ring && (this.erase || inside(this.ring, ...this.points[0])) ? this.ring : [];
    const { zoom } = this.stage.view, radius = BRUSH / zoom, { x0, y0, x1, y1 } = bounds([...this.points, ...old]);
    const fine = Math.min(zoom, 1500 / (Math.max(x1 - x0, y1 - y0) + 2 * radius)), [left, top] = [x0 - radius, y0 - radius];
    const [width, height] = [x1 - x0, y1 - y0].map((size) => Math.ceil((size + 2 * radius) * fine) + 1);
    const context = new OffscreenCanvas(width, height).getContext("2d", { willReadFrequently: true });
    context.setTransform(fine, 0, 0, fine, -left * fine, -top * fine);
    const path = (points) => { context.beginPath(); points.forEach((point) => context.lineTo(...point)); };
    path(old);
    context.fill();
    context.globalCompositeOperation = this.erase ? "destination-out" : "source-over";
    Object.assign(context, { lineWidth: 2 * radius, lineCap: "round", lineJoin: "round" });
    path([...this.points, this.points.at(-1).map((value) => value + radius / 1000)]);
    context.stroke();
    const pixels = context.getImageData(0, 0, width, height).data;
    const mask = Uint8Array.from({ length: width * height }, (_, i) => pixels[4 * i + 3] > 127);
    return border(mask, width, height).filter((_, i) => i % STEP === 0).map(([x, y]) => [left + x / fine, top + y / fine]);
  }

  sketch(view) {
    if (!this.kind) return;
    const { stage, points, kind } = this, { sketch } = stage, [mx, my] = [view.width / view.ratio / 2, view.height / view.ratio / 2];
    for (const [strokeStyle, lineWidth] of [["#ffffff", 4], [COLOUR, 2]]) { // the cross that the keys draw with
      Object.assign(sketch, { strokeStyle, lineWidth });
      sketch.beginPath();
      for (const [dx, dy] of [[1, 0], [-1, 0], [0, 1], [0, -1]]) { sketch.moveTo(mx + 4 * dx, my + 4 * dy); sketch.lineTo(mx + 13 * dx, my + 13 * dy); }
      sketch.stroke();
    }
    if (!points.length) return;
    if (kind === "rectangle") stage.trace(view, boxRing(bounds(points)), { colour: COLOUR });
    else stage.trace(view, points, { colour: kind === "brush" ? `${COLOUR}80` : COLOUR, width: kind === "brush" ? 2 * BRUSH : 2, closed: false });
    for (const [x, y] of kind === "brush" || this.dragged ? [] : points.map((point) => stage.toScreen(view, point))) {
      sketch.fillStyle = COLOUR; sketch.fillRect(x - 3, y - 3, 6, 6);
    }
  }
}
