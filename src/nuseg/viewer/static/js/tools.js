// Drawing on the picture by mouse, pen, finger or keyboard: each tool gives a list of points in level-0 px.

import { $ } from "./dom.js";
import { border, bounds, boxRing, inside, simplify } from "./geometry.js";

const HINTS = {
  rectangle: "Drag from corner to corner. By keys: move the cross with the arrows, Space sets a corner.",
  polygon: "Drag around, or click corners and press Enter. By keys: arrows move the cross, Space sets a corner, Enter ends.",
  line: "Drag across, or click points and press Enter. By keys: arrows move the cross, Space sets a point, Enter ends.",
  brush: "Paint the region; Alt erases; a stroke that begins in the region goes on with it. Escape ends.",
};
const BRUSH = 24; // radius in CSS px

export class Tools {
  constructor(stage) {
    this.stage = stage;
    const sheet = $("sketch");
    sheet.addEventListener("pointerdown", (event) => this.down(event));
    sheet.addEventListener("pointermove", (event) => this.move(event));
    sheet.addEventListener("pointerup", (event) => this.up(event));
    sheet.addEventListener("dblclick", () => this.finish());
    sheet.addEventListener("wheel", (event) => {
      event.preventDefault();
      stage.zoomBy(event.deltaY < 0 ? 1.25 : 0.8, event.offsetX, event.offsetY);
    }, { passive: false });
  }

  get active() { return this.kind ?? null; }

  /** Take up a tool; `done(points)` is called with what was drawn. `ring` is what a brush goes on with. */
  start(kind, what, done, ring = null) {
    this.cancel();
    Object.assign(this, { kind, done, points: [], ring, dragged: false });
    $("sketch").classList.add("tool");
    $("hint").textContent = `${what} ${HINTS[kind]}`;
    $("hint").hidden = false;
    $("stage").focus();
    this.stage.redraw();
  }

  cancel() {
    this.kind = null;
    $("sketch").classList.remove("tool");
    $("hint").hidden = true;
    this.stage.redraw();
  }

  down(event) {
    if (event.button > 1 || !this.kind) return;
    event.preventDefault();
    $("stage").focus();
    $("sketch").setPointerCapture(event.pointerId);
    if (event.button === 1) { this.grabbed = [event.clientX, event.clientY]; return; }
    this.pressed = true;
    this.dragged = false;
    this.erase = event.altKey;
    this.add(event);
  }

  add(event) { this.points.push(this.stage.toImage(event.offsetX, event.offsetY)); }

  move(event) {
    if (this.grabbed) { // the middle button moves the picture
      const view = this.stage.view, width = view.width / view.ratio, height = view.height / view.ratio;
      this.stage.pan((this.grabbed[0] - event.clientX) / width, (this.grabbed[1] - event.clientY) / height);
      this.grabbed = [event.clientX, event.clientY];
    } else if (this.pressed) {
      const last = this.points[this.points.length - 1], { zoom } = this.stage.view;
      const [x, y] = this.stage.toImage(event.offsetX, event.offsetY);
      if (Math.hypot(x - last[0], y - last[1]) * zoom < 3) return;
      this.dragged = true;
      if (this.kind === "rectangle" && this.points.length > 1) this.points.pop();
      this.add(event);
    }
    this.stage.redraw();
  }

  up() {
    this.grabbed = null;
    if (!this.pressed) return;
    this.pressed = false;
    if (this.dragged || this.kind === "brush" || (this.kind === "rectangle" && this.points.length > 1)) this.finish();
  }

  /** Keys of a tool in use; true if the key was for it. */
  key(key) {
    if (!this.kind) return false;
    if (key === "Escape") this.cancel();
    else if (key === " ") {
      const { x, y } = this.stage.view;
      this.points.push([x, y]);
      if (this.kind === "brush" || (this.kind === "rectangle" && this.points.length === 2)) this.finish();
    } else if (key === "Enter") this.finish();
    else if (key === "Backspace") this.points.pop();
    else return false;
    this.stage.redraw();
    return true;
  }

  finish() {
    const { kind, done } = this, points = kind === "brush" ? this.painted() : this.cleaned();
    if (!kind || points.length < (kind === "line" ? 2 : 3)) { this.points = []; this.stage.redraw(); return; }
    if (kind === "brush") Object.assign(this, { ring: points, points: [] });
    else this.cancel();
    done(points);
  }

  cleaned() {
    if (this.kind === "rectangle") {
      const [a, b] = [this.points[0], this.points[this.points.length - 1]];
      const box = { x0: Math.min(a[0], b[0]), x1: Math.max(a[0], b[0]), y0: Math.min(a[1], b[1]), y1: Math.max(a[1], b[1]) };
      return box.x1 > box.x0 && box.y1 > box.y0 ? boxRing(box) : [];
    }
    const { zoom } = this.stage.view, apart = this.points.filter((p, i, all) => !i || Math.hypot(p[0] - all[i - 1][0], p[1] - all[i - 1][1]) * zoom > 1);
    return this.dragged && this.kind !== "line" ? simplify(apart, 0.6 / zoom) : apart;
  }

  /** Outline of the brush's stroke, joined with the region that it began in, or taken off it. */
  painted() {
    const old = this.ring && (this.erase || inside(this.ring, ...this.points[0])) ? this.ring : [];
    const { zoom } = this.stage.view, radius = BRUSH / zoom, all = bounds([...this.points, ...old]);
    const [x0, y0] = [all.x0 - radius, all.y0 - radius], wide = all.x1 + radius - x0, high = all.y1 + radius - y0;
    const fine = Math.min(zoom, 1500 / Math.max(wide, high)), width = Math.ceil(wide * fine) + 1, height = Math.ceil(high * fine) + 1;
    const context = new OffscreenCanvas(width, height).getContext("2d", { willReadFrequently: true });
    context.setTransform(fine, 0, 0, fine, -x0 * fine, -y0 * fine);
    const path = (points) => { context.beginPath(); points.forEach((point) => context.lineTo(...point)); };
    path(old);
    context.fill();
    context.globalCompositeOperation = this.erase ? "destination-out" : "source-over";
    Object.assign(context, { lineWidth: 2 * radius, lineCap: "round", lineJoin: "round" });
    path([...this.points, this.points[this.points.length - 1].map((value) => value + radius / 1000)]);
    context.stroke();
    const pixels = context.getImageData(0, 0, width, height).data;
    const mask = Uint8Array.from({ length: width * height }, (_, i) => (pixels[4 * i + 3] > 127 ? 1 : 0));
    return simplify(border(mask, width, height), 1).map(([left, top]) => [x0 + left / fine, y0 + top / fine]);
  }

  sketch(view) {
    if (!this.kind) return;
    const { stage } = this, { sketch } = stage, colour = "#0b57d0";
    const middle = [view.x, view.y], [mx, my] = stage.toScreen(view, middle);
    for (const [stroke, width] of [["#ffffff", 4], ["#0b57d0", 2]]) { // the cross that the keys draw with
      Object.assign(sketch, { strokeStyle: stroke, lineWidth: width });
      sketch.beginPath();
      for (const [dx, dy] of [[1, 0], [-1, 0], [0, 1], [0, -1]]) { sketch.moveTo(mx + 4 * dx, my + 4 * dy); sketch.lineTo(mx + 13 * dx, my + 13 * dy); }
      sketch.stroke();
    }
    if (this.kind === "brush") {
      sketch.lineCap = sketch.lineJoin = "round";
      if (this.points.length) stage.trace(view, this.points, { colour: "#0b57d080", width: 2 * BRUSH, closed: false });
      sketch.lineCap = sketch.lineJoin = "miter";
      return;
    }
    if (this.kind === "rectangle" && this.points.length > 1) stage.trace(view, this.cleaned(), { colour });
    else if (this.points.length) {
      stage.trace(view, this.points, { colour, closed: false });
      for (const point of this.points.length < 60 ? this.points : []) {
        const [x, y] = stage.toScreen(view, point);
        sketch.fillStyle = colour;
        sketch.fillRect(x - 3, y - 3, 6, 6);
      }
    }
  }
}
