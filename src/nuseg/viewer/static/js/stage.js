// The picture: OpenSeadragon below, nuclei by WebGL above it, and on top a sheet for selection, regions and tools.

import { itemPath } from "./api.js";
import { $, h } from "./dom.js";
import { Painter } from "./paint.js";

export class Stage extends EventTarget {
  constructor(shaders) {
    super();
    // OpenSeadragon adds an inline style unless it finds its own; the page's policy forbids one, an element of no kind does
    const own = document.createElementNS("urn:none", "style");
    own.setAttribute("data-openseadragon-mobile-css", "");
    document.head.append(own);
    this.viewer = window.OpenSeadragon({
      element: $("stage"), drawer: "canvas", showNavigationControl: false, showNavigator: true, navigatorId: "overview",
      maxZoomPixelRatio: 16, minZoomImageRatio: 0.7, visibilityRatio: 0.3, animationTime: 0.25, springStiffness: 10,
      gestureSettingsMouse: { clickToZoom: false, dblClickToZoom: false }, imageLoaderLimit: 8, maxImageCacheCount: 400,
      preserveImageSizeOnResize: true,
    });
    $("stage").querySelectorAll("[tabindex]").forEach((inner) => inner.setAttribute("tabindex", -1));
    this.painter = new Painter($("paint"), shaders);
    this.sketch = $("sketch").getContext("2d");
    const { viewer } = this;
    viewer.addHandler("canvas-key", (event) => { event.preventDefaultAction = true; });
    viewer.addHandler("update-viewport", () => this.draw());
    viewer.addHandler("resize", () => this.redraw());
    viewer.addHandler("animation-finish", () => this.dispatchEvent(new Event("moved")));
    viewer.addHandler("canvas-press", () => $("stage").focus());
    viewer.addHandler("canvas-click", (event) => {
      if (!event.quick) return;
      const [x, y] = this.toImage(event.position.x, event.position.y);
      this.emit("pick", { x, y, more: event.originalEvent.shiftKey });
    });
    viewer.addHandler("tile-load-failed", () => this.emit("fault", "A part of the picture could not be read."));
    $("view").addEventListener("pointermove", (event) => {
      const { left, top } = $("view").getBoundingClientRect();
      this.pointer = [event.clientX - left, event.clientY - top];
      this.emit("hover", this.toImage(...this.pointer));
    });
  }

  emit(name, detail) { this.dispatchEvent(new CustomEvent(name, { detail })); }

  /** Show an image; resolves when its first tile can be drawn. */
  open(item, place) {
    this.item = item;
    return new Promise((resolve) => {
      this.viewer.addOnceHandler("open", () => {
        if (place) this.lookAt(place.x, place.y, place.zoom, true);
        else this.home(true);
        resolve();
      });
      this.viewer.open({ width: item.width, height: item.height, tileSize: 512, tileOverlap: 0,
        getTileUrl: (level, x, y) => `api/${itemPath(item, `/tiles/${level}/${x}_${y}.jpg`)}` });
    });
  }

  /** Middle in level-0 px, size in device px, device px per level-0 px, and the box in level-0 px that is seen. */
  get view() {
    const { viewport } = this.viewer, ratio = window.devicePixelRatio || 1, { width: full } = this.item;
    const seen = viewport.getBounds(true), css = $("view");
    const width = Math.round(css.clientWidth * ratio), height = Math.round(css.clientHeight * ratio);
    const scale = width / (seen.width * full), x = (seen.x + seen.width / 2) * full, y = (seen.y + seen.height / 2) * full;
    const box = { x0: x - width / 2 / scale, y0: y - height / 2 / scale, x1: x + width / 2 / scale, y1: y + height / 2 / scale };
    return { x, y, width, height, scale, ratio, zoom: scale / ratio, box };
  }

  toImage(left, top) {
    const { x, y, zoom, width, height, ratio } = this.view;
    return [x + (left - width / ratio / 2) / zoom, y + (top - height / ratio / 2) / zoom];
  }

  toScreen(view, [px, py]) {
    return [(px - view.x) * view.zoom + view.width / view.ratio / 2, (py - view.y) * view.zoom + view.height / view.ratio / 2];
  }

  /** Put a point in the middle; zoom in CSS px per level-0 px. */
  lookAt(x, y, zoom, at_once = false) {
    const { viewport } = this.viewer, full = this.item.width;
    if (zoom) viewport.zoomTo((zoom * full) / viewport.getContainerSize().x, null, at_once);
    viewport.panTo(new window.OpenSeadragon.Point(x / full, y / full), at_once);
  }

  /** The whole image, in the part of the view that is not under the overview. */
  home(at_once = false) { this.viewer.viewport.goHome(at_once); }
  zoomBy(factor, left, top) {
    const { viewport } = this.viewer, full = this.item.width;
    const point = left === undefined ? null : this.toImage(left, top);
    viewport.zoomBy(factor, point && new window.OpenSeadragon.Point(point[0] / full, point[1] / full));
    viewport.applyConstraints();
  }

  pan(dx, dy) { // in parts of the view
    const { viewport } = this.viewer, seen = viewport.getBounds();
    viewport.panBy(new window.OpenSeadragon.Point(dx * seen.width, dy * seen.height));
    viewport.applyConstraints();
  }

  /** Draw the nuclei and the sheet again with the next frame. */
  redraw() {
    if (this.asked || !this.item) return;
    this.asked = requestAnimationFrame(() => { this.asked = null; this.draw(); });
  }

  draw() {
    if (!this.item || !this.viewer.world.getItemCount()) return;
    const view = this.view, { sketch } = this;
    this.painter.begin(view);
    this.onpaint?.(view);
    if (sketch.canvas.width !== view.width || sketch.canvas.height !== view.height)
      Object.assign(sketch.canvas, { width: view.width, height: view.height });
    sketch.setTransform(view.ratio, 0, 0, view.ratio, 0, 0);
    sketch.clearRect(0, 0, view.width, view.height);
    this.onsketch?.(view);
    this.scaleBar(view);
  }

  scaleBar({ zoom, height, ratio }) {
    const { sketch } = this, { mpp } = this.item, most = (160 / zoom) * (mpp ?? 1); // in um, or px where the resolution is unknown
    const power = 10 ** Math.floor(Math.log10(most)), length = [5, 2, 1].find((step) => step * power <= most) * power;
    const text = mpp ? (length >= 1000 ? `${length / 1000} mm` : `${length} µm`) : `${length} px`, wide = (length / (mpp ?? 1)) * zoom, low = height / ratio;
    Object.assign(sketch, { fillStyle: "#ffffffe6", font: "600 13px system-ui, sans-serif", textAlign: "center" });
    sketch.fillRect(10, low - 46, wide + 20, 36);
    sketch.fillStyle = "#000000";
    sketch.fillRect(20, low - 20, wide, 4);
    sketch.fillText(text, 20 + wide / 2, low - 28);
    $("view").dataset.scale = text;
  }

  /** A ring or line on the sheet, with a light rim so that it is seen on dark and light tissue. */
  trace(view, points, { colour, width = 2, dash = [], closed = true, fill = null }) {
    const { sketch } = this;
    if (!points.length) return;
    sketch.beginPath();
    points.forEach((point, i) => sketch[i ? "lineTo" : "moveTo"](...this.toScreen(view, point)));
    if (closed) sketch.closePath();
    if (fill) { sketch.fillStyle = fill; sketch.fill(); }
    sketch.setLineDash([]);
    sketch.strokeStyle = "#ffffffd0";
    sketch.lineWidth = width + 2;
    sketch.stroke();
    sketch.setLineDash(dash);
    sketch.strokeStyle = colour;
    sketch.lineWidth = width;
    sketch.stroke();
    sketch.setLineDash([]);
  }

  /** What is seen as a PNG, with a line of text below. */
  picture(caption) {
    this.draw(); // WebGL's canvas can be read in the same turn only
    const { width, height, ratio } = this.view, foot = Math.round(26 * ratio);
    const canvas = h("canvas", { width, height: height + foot }), context = canvas.getContext("2d");
    context.fillStyle = "#ffffff";
    context.fillRect(0, 0, width, height + foot);
    for (const layer of [this.viewer.drawer.canvas, $("paint"), $("sketch")]) context.drawImage(layer, 0, 0, width, height);
    Object.assign(context, { fillStyle: "#000000", font: `${13 * ratio}px system-ui, sans-serif` });
    context.fillText(caption, 8 * ratio, height + 18 * ratio);
    return new Promise((resolve) => canvas.toBlob(resolve, "image/png"));
  }
}
