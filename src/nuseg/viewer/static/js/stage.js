// The picture: OpenSeadragon below, nuclei by WebGL above it, and on top a sheet for selection, regions and tools.
import { itemPath } from "./api.js";
import { $, h, say } from "./dom.js";
import { Painter } from "./paint.js";
const { OpenSeadragon } = window, at = (x, y) => new OpenSeadragon.Point(x, y);

export class Stage {
  /** `parts` paints, sketches and is told of clicks and moves. */
  constructor(shaders, parts) {
    // OpenSeadragon adds an inline style unless it finds its own; the page's policy forbids one, an element of no kind does
    const own = document.createElementNS("urn:none", "style");
    own.setAttribute("data-openseadragon-mobile-css", "");
    document.head.append(own);
    const viewer = OpenSeadragon({
      element: $("stage"), drawer: "canvas", showNavigationControl: false, showNavigator: true, navigatorId: "overview", preserveImageSizeOnResize: true,
      maxZoomPixelRatio: 16, minZoomImageRatio: 0.7, visibilityRatio: 0.3, animationTime: 0.25, springStiffness: 10,
      gestureSettingsMouse: { clickToZoom: false, dblClickToZoom: false }, imageLoaderLimit: 8, maxImageCacheCount: 400,
    });
    Object.assign(this, { viewer, parts, painter: new Painter($("paint"), shaders), sketch: $("sketch").getContext("2d") });
    $("stage").querySelectorAll("[tabindex]").forEach((inner) => inner.setAttribute("tabindex", -1));
    for (const [name, action] of Object.entries({
      "canvas-key": (event) => { event.preventDefaultAction = true; }, "update-viewport": () => this.draw(), resize: () => this.redraw(),
      "animation-finish": () => parts.changed(), "canvas-press": () => $("stage").focus(),
      "canvas-click": ({ quick, position, originalEvent }) => {
        const [x, y] = this.toImage(position.x, position.y);
        if (quick) parts.pick({ x, y, more: originalEvent.shiftKey });
      },
      "tile-load-failed": () => say("A part of the picture could not be read."),
    })) viewer.addHandler(name, action);
    $("view").addEventListener("pointermove", (event) => {
      const { left, top } = $("view").getBoundingClientRect();
      if (this.ready) parts.tellPlace(this.toImage(event.clientX - left, event.clientY - top));
    });
  }

  get item() { return this.parts.item; }
  get ready() { return Boolean(this.item && this.viewer.world.getItemCount()); }
  /** Show an image at a place, or as a whole; resolves when it can be drawn. */
  open(item, place) {
    const opened = new Promise((resolve) => { this.viewer.addOnceHandler("open", resolve); });
    const getTileUrl = (level, x, y) => `api/${itemPath(item, `/tiles/${level}/${x}_${y}.jpg`)}`;
    this.viewer.open({ width: item.width, height: item.height, tileSize: 512, tileOverlap: 0, getTileUrl });
    return opened.then(() => (place ? this.lookAt(place.x, place.y, place.zoom, true) : this.home(true)));
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
  lookAt(x, y, zoom, now = false) {
    const { viewport } = this.viewer, { width, height } = this.item, clip = (value, least, most) => Math.min(most, Math.max(least, value));
    viewport.zoomTo(clip((zoom * width) / viewport.getContainerSize().x, viewport.getMinZoom(), viewport.getMaxZoom()), null, now);
    viewport.panTo(at(clip(x, 0, width) / width, clip(y, 0, height) / width), now);
  }

  home(now = false) { this.viewer.viewport.goHome(now); }
  zoomBy(factor, left, top) {
    const full = this.item.width, point = left === undefined ? null : this.toImage(left, top);
    this.viewer.viewport.zoomBy(factor, point && at(point[0] / full, point[1] / full)).applyConstraints();
  }

  pan(dx, dy) { // in parts of the view
    const { viewport } = this.viewer, seen = viewport.getBounds();
    viewport.panBy(at(dx * seen.width, dy * seen.height)).applyConstraints();
  }
  /** Draw the nuclei and the sheet again with the next frame. */
  redraw() { this.asked ??= requestAnimationFrame(() => { this.asked = null; this.draw(); }); }
  draw() {
    if (!this.ready) return;
    const view = this.view, { sketch, parts, painter } = this, { width, height, ratio } = view;
    painter.begin(view);
    parts.look.paint(view);
    if (sketch.canvas.width !== width || sketch.canvas.height !== height) Object.assign(sketch.canvas, { width, height });
    sketch.setTransform(ratio, 0, 0, ratio, 0, 0); sketch.clearRect(0, 0, width, height);
    parts.sketch(view);
    this.scaleBar(view);
  }

  scaleBar({ zoom, height, ratio }) {
    const { sketch } = this, { mpp } = this.item, most = (160 / zoom) * (mpp ?? 1); // in um, or px where the resolution is unknown
    const power = 10 ** Math.floor(Math.log10(most)), length = [5, 2, 1].find((step) => step * power <= most) * power;
    const text = mpp ? (length >= 1000 ? `${length / 1000} mm` : `${length} µm`) : `${length} px`, wide = (length / (mpp ?? 1)) * zoom, low = height / ratio;
    Object.assign(sketch, { fillStyle: "#ffffffe6", font: "600 13px system-ui, sans-serif", textAlign: "center" });
    sketch.fillRect(10, low - 46, wide + 20, 36);
    sketch.fillStyle = "#000000";
    sketch.fillRect(20, low - 20, wide, 4); sketch.fillText(text, 20 + wide / 2, low - 28);
    $("view").dataset.scale = text;
  }
  /** A ring or line on the sheet, with a light rim so that it is seen on dark and light tissue. */
  trace(view, points, { colour, width = 2, dash = [], closed = true, fill = null }) {
    const { sketch } = this;
    if (!points.length) return;
    sketch.beginPath();
    points.forEach((point) => sketch.lineTo(...this.toScreen(view, point)));
    if (closed) sketch.closePath();
    Object.assign(sketch, { fillStyle: fill ?? "#00000000", lineCap: "round", lineJoin: "round" });
    sketch.fill();
    for (const [strokeStyle, lineWidth, dashes] of [["#ffffffd0", width + 2, []], [colour, width, dash]]) {
      Object.assign(sketch, { strokeStyle, lineWidth });
      sketch.setLineDash(dashes); sketch.stroke();
    }
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
