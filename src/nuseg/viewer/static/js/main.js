// Starts the page and holds what its parts share: the image, its layer, the selection.
import { ApiError, get, itemPath, layerPath, post } from "./api.js";
import { Compare } from "./compare.js";
import { Correct } from "./correct.js";
import { $, clicks, counted, number, options, put, rows, save, say } from "./dom.js";
import { keyboard } from "./keys.js";
import { Learn } from "./learn.js";
import * as link from "./link.js";
import { List } from "./list.js";
import { Look } from "./look.js";
import { Nuclei } from "./nuclei.js";
import { Regions } from "./regions.js";
import { Stage } from "./stage.js";
import { Tools } from "./tools.js";

class App {
  constructor(shaders) {
    Object.assign(this, { selection: [], items: [], stage: new Stage(shaders, this) });
    this.tools = new Tools(this.stage);
    const parts = { look: Look, correct: Correct, regions: Regions, compare: Compare, learn: Learn, list: List };
    for (const [name, Part] of Object.entries(parts)) this[name] = new Part(this);
    clicks({
      "toggle-list": () => this.toggleList(), "previous-image": () => this.list.step(-1), "next-image": () => this.list.step(1),
      "copy-link": () => this.copyLink(), "save-picture": () => this.savePicture(), theme: () => this.theme(), segment: () => this.segment(),
      "open-help": () => $("help").showModal(), "close-help": () => $("help").close(), skip: () => $("stage").focus(),
    });
    $("layer").addEventListener("change", () => { this.compare.end(); this.openLayer($("layer").value); });
    window.addEventListener("hashchange", ({ newURL }) => this.restore(new URL(newURL))); // the address may hold a late view by now
    keyboard(this);
  }

  async start() {
    const { items, read_only: readOnly, can_train: canTrain, title } = await get("items");
    Object.assign(this, { items, readOnly, canTrain: canTrain && !readOnly });
    $("title").textContent = document.title = title;
    this.learn.open(); await this.restore();
  }
  /** Show what the address says, else the first image. */
  async restore(address = location) {
    const { item, lost, layer, place, keys, compare } = link.read(this, address);
    await this.open(item ?? this.list.sorted()[0] ?? this.items[0], item && { layer, place });
    if (lost) say("The image of this link is not here. This is another one.");
    else if (this.item.layers.some(({ id }) => id === compare && id !== this.layer.id)) await this.compare.start(this.layer.id, compare);
    if (item && keys.length && this.nuclei) this.select(keys.filter((key) => this.nuclei.has(key)));
  }

  async open(item, { layer, place } = {}) {
    const { name, mpp } = item;
    $("view").setAttribute("aria-busy", true);
    this.tools.cancel(); this.nuclei?.close(this.stage.painter);
    Object.assign(this, { item, nuclei: null, layer: null });
    this.correct.reset(); this.select([]); this.regions.set(null);
    this.compare.open(item);
    const resolution = mpp ? `${number(mpp)} µm/px` : "resolution unknown";
    put({ "image-name": { textContent: name }, mpp: { textContent: resolution }, counting: { textContent: "" }, drawn: { textContent: "" } });
    options($("layer"), item.layers.map(({ id, name: told }) => [id, told]), layer); this.list.show();
    try {
      await Promise.all([this.stage.open(item, place), this.openLayer($("layer").value)]);
    } finally { if (item === this.item) $("view").setAttribute("aria-busy", false); }
  }

  async openLayer(id) {
    const { item } = this, layer = this.opening = item.layers.find((one) => one.id === id);
    $("panels").classList.toggle("bare", !layer);
    $("empty").hidden = Boolean(layer) && layer.kind !== "on-demand";
    $("empty-text").textContent = layer ? "" : "There are no results of this image yet.";
    if (!layer) { this.correct.buttons(); return; }
    const nuclei = await Nuclei.open(item, layer, () => this.stage.redraw());
    if (layer !== this.opening) return;
    this.select([]); this.nuclei?.close(this.stage.painter);
    Object.assign(this, { layer, nuclei });
    this.correct.reset(); this.regions.set(this.regions.ring);
    const { count, counting: { low, high } } = nuclei.meta, interval = low === null ? "" : ` (${number(low)} to ${number(high)})`;
    $("counting").textContent = `${counted(count)} ${layer.kind === "on-demand" ? "in what was segmented" : "in all"}${interval}`;
    $("layer").value = id;
    await this.look.open(nuclei); await this.correct.open();
  }

  pick({ x, y, more }) {
    if (!this.nuclei) return;
    const key = this.nuclei.hit(x, y, 6 / this.stage.view.zoom, this.look.isShown), others = this.selection.filter((one) => one !== key);
    if (!more) this.select(key === null ? [] : [key]);
    else if (key !== null) this.select(others.length < this.selection.length ? others : [...others, key]);
  }

  select(keys) {
    this.selection = keys; this.correct.buttons();
    this.stage.redraw(); this.changed();
    this.tellNucleus(keys.at(-1));
  }
  /** All that is known of the nucleus selected last. */
  async tellNucleus(key) {
    $("nucleus-none").hidden = key !== undefined;
    if (key === undefined) { rows($("nucleus"), []); return; }
    const { nuclei } = this, change = nuclei.change(key), pairs = this.selection.length > 1 ? [["Selected", number(this.selection.length)]] : [];
    let known = null;
    if (typeof key === "number") {
      const told = await get(layerPath(this.item, this.layer.id, `/nuclei/${key}`)), probable = ({ name }) => Number(name === "probability");
      if (this.selection.at(-1) !== key || nuclei !== this.nuclei) return;
      known = told.class;
      pairs.push(["Id", String(told.id)]);
      for (const { name, label, unit } of [...nuclei.meta.columns].sort((one, other) => probable(other) - probable(one))) {
        const value = told[name] ?? told.measures[name];
        if (value !== undefined && value !== null) pairs.push([label, `${number(value)} ${unit}`]);
      }
    } else pairs.push(["Drawn", key]);
    if (change?.verdict) pairs.push(["Judged", change.verdict]);
    if (change && "class" in change) { known = change.class; pairs.push(["Class, corrected", known ?? "none"]); }
    $("class").value = known ?? "";
    rows($("nucleus"), pairs);
  }

  sketch(view) {
    this.correct.sketch(view); this.regions.sketch(view);
    for (const key of this.selection) this.stage.trace(view, this.nuclei?.ring(key) ?? [], { colour: "#0b57d0", width: 3 });
    this.tools.sketch(view);
    const { mpp } = this.item, share = `${number(100 * view.zoom)} %`;
    $("zoom").textContent = mpp ? `${number((10 * view.zoom) / mpp)}× (${share})` : share;
  }

  tellPlace([x, y]) {
    const { mpp } = this.item, um = mpp ? ` (${number(Math.round(x * mpp))}, ${number(Math.round(y * mpp))} µm)` : "";
    $("position").textContent = `x ${number(Math.floor(x))}, y ${number(Math.floor(y))} px${um}`;
  }

  showBox({ x0, y0, x1, y1 }) {
    const { width, height, ratio } = this.stage.view;
    this.stage.lookAt((x0 + x1) / 2, (y0 + y1) / 2, 0.8 * Math.min(width / ratio / (x1 - x0), height / ratio / (y1 - y0)));
  }
  /** The view is another one: write it to the address, soon. */
  changed() { clearTimeout(this.timer); this.timer = setTimeout(() => { if (this.stage.ready) link.write(this); }, 150); }
  async segment() {
    const { item } = this, { box } = this.stage.view, clip = (value, most) => Math.round(Math.min(most, Math.max(0, value)));
    const [x, y] = [clip(box.x0, item.width), clip(box.y0, item.height)];
    $("segment").disabled = true;
    try {
      const { job } = await post(itemPath(item, "/segment"), { x, y, width: clip(box.x1, item.width) - x, height: clip(box.y1, item.height) - y });
      let told;
      do {
        await new Promise((resolve) => { setTimeout(resolve, 400); });
        told = await get(`jobs/${encodeURIComponent(job)}`);
        $("empty-text").textContent = told.message || `${told.state} ${number(100 * told.done)} %`;
      } while (told.state === "waiting" || told.state === "running");
      if (told.state === "failed") throw new ApiError(0, { error: told.message });
      Object.assign(item, (await get("items")).items.find(({ id }) => id === item.id));
      if (item !== this.item) return;
      options($("layer"), item.layers.map(({ id, name }) => [id, name]), told.layer);
      await this.openLayer(told.layer);
    } finally { $("segment").disabled = false; }
  }

  toggleList() { $("toggle-list").setAttribute("aria-pressed", !document.querySelector("main").classList.toggle("no-list")); }
  copyLink() {
    link.write(this);
    const told = () => say("Link to this view copied.", true), not = () => say(`Copy this: ${location.href}`, true);
    (navigator.clipboard?.writeText(location.href) ?? Promise.reject(location)).then(told, not);
  }

  async savePicture() {
    const { name, mpp } = this.item, [x, y] = [this.stage.view.x, this.stage.view.y].map((value) => number(Math.round(value)));
    const parts = [name, this.layer?.name, `centre ${x}, ${y} px`, mpp && `${number(mpp)} µm/px`].filter(Boolean);
    save(await this.stage.picture(parts.join("   ")), `${name} view.png`);
  }

  theme() {
    const { dataset } = document.documentElement, dark = (dataset.theme ?? (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light")) === "dark";
    localStorage.setItem("theme", dataset.theme = dark ? "light" : "dark");
  }
}

// What goes wrong anywhere is told here; what the server refused needs no more than that.
window.addEventListener("unhandledrejection", (event) => {
  say(event.reason.message);
  if (event.reason instanceof ApiError) event.preventDefault();
});
if (localStorage.getItem("theme")) document.documentElement.dataset.theme = localStorage.getItem("theme");
const start = async () => new App(await (await fetch("static/shaders.glsl")).text()).start();
start(); // not awaited here: what goes wrong is told by the lines above
