// Starts the page and holds what its parts share: the image, its layer, the selection.

import { get, itemPath, layerPath, post } from "./api.js";
import { Compare } from "./compare.js";
import { Correct } from "./correct.js";
import { $, number, options, rows, save, say } from "./dom.js";
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
    this.selection = [];
    this.items = [];
    this.stage = new Stage(shaders);
    this.tools = new Tools(this.stage);
    for (const [name, Part] of Object.entries({ look: Look, correct: Correct, regions: Regions, compare: Compare, learn: Learn, list: List })) this[name] = new Part(this);
    this.stage.onpaint = (view) => this.look.paint(view);
    this.stage.onsketch = (view) => this.sketch(view);
    this.stage.addEventListener("pick", ({ detail }) => this.pick(detail));
    this.stage.addEventListener("hover", ({ detail }) => this.tellPlace(detail));
    this.stage.addEventListener("moved", () => this.changed());
    this.stage.addEventListener("fault", ({ detail }) => say(detail));
    for (const [id, action] of Object.entries({
      "toggle-list": () => this.toggleList(), "previous-image": () => this.list.step(-1), "next-image": () => this.list.step(1),
      "copy-link": () => this.copyLink(), "save-picture": () => this.savePicture(), theme: () => this.theme(), segment: () => this.segment(),
      "open-help": () => $("help").showModal(), "close-help": () => $("help").close(), skip: () => $("stage").focus(),
    })) $(id).addEventListener("click", action);
    $("layer").addEventListener("change", () => { this.compare.clear(); this.openLayer($("layer").value).catch((error) => say(error.message)); });
    window.addEventListener("hashchange", () => this.restore());
    keyboard(this);
  }

  async start() {
    const told = await get("items");
    Object.assign(this, { items: told.items, readOnly: told.read_only, canTrain: told.can_train && !told.read_only });
    $("title").textContent = document.title = told.title;
    if (!this.items.length) return say("There are no images here.");
    this.learn.open();
    return this.restore();
  }

  /** Show what the address says, else the first image. */
  async restore() {
    const { item, layer, place, keys, compare } = link.read(this);
    await this.open(item ?? this.list.sorted()[0], { layer, place });
    if (compare && this.item.layers.some(({ id }) => id === compare)) await this.compare.start(this.layer.id, compare);
    if (keys.length && this.nuclei) this.select(keys.filter((key) => typeof key === "string" || key < this.nuclei.count));
  }

  async open(item, { layer, place } = {}) {
    this.tools.cancel();
    $("view").setAttribute("aria-busy", true);
    Object.assign(this, { item, nuclei: null, layer: null });
    this.select([]);
    this.regions.set(null);
    this.compare.open(item);
    $("image-name").textContent = item.name;
    $("mpp").textContent = item.mpp ? `${number(item.mpp)} µm/px` : "resolution unknown";
    $("counting").textContent = item.nuclei === null ? "" : `${number(item.nuclei)} nuclei in all${item.nuclei_low === null ? "" : ` (${number(item.nuclei_low)} to ${number(item.nuclei_high)})`}`;
    options($("layer"), item.layers.map(({ id, name }) => [id, name]), layer);
    this.list.show();
    try {
      await Promise.all([this.stage.open(item, place), this.openLayer($("layer").value)]);
    } catch (error) { say(error.message); }
    if (item === this.item) $("view").setAttribute("aria-busy", false);
  }

  async openLayer(id) {
    const { item } = this, layer = item.layers.find((one) => one.id === id);
    $("empty").hidden = Boolean(layer) && layer.kind !== "on-demand";
    $("empty-text").textContent = layer?.kind === "on-demand" ? "" : "There are no results of this image yet.";
    if (!layer) { this.correct.buttons(); return; }
    const nuclei = await Nuclei.open(item, layer);
    if (item !== this.item) return;
    this.select([]);
    this.nuclei?.close(this.stage.painter);
    Object.assign(this, { layer, nuclei });
    $("layer").value = id;
    nuclei.addEventListener("outlines", () => this.stage.redraw());
    nuclei.addEventListener("fault", ({ detail }) => say(detail.message));
    await this.look.open(nuclei);
    await this.correct.open();
  }

  pick({ x, y, more }) {
    if (!this.nuclei) return;
    const key = this.nuclei.hit(x, y, 6 / this.stage.view.zoom, this.look.isShown);
    if (!more) this.select(key === null ? [] : [key]);
    else if (key !== null) this.select(this.selection.includes(key) ? this.selection.filter((one) => one !== key) : [...this.selection, key]);
  }

  select(keys) {
    this.selection = keys;
    if (this.item) { this.correct.buttons(); this.stage.redraw(); this.changed(); }
    this.tellNucleus(keys[keys.length - 1]).catch((error) => say(error.message));
  }

  /** All that is known of the nucleus selected last. */
  async tellNucleus(key) {
    $("nucleus-none").hidden = key !== undefined;
    if (key === undefined) return rows($("nucleus"), []);
    const { nuclei } = this, change = nuclei.change(key), pairs = this.selection.length > 1 ? [["Selected", number(this.selection.length)]] : [];
    if (typeof key === "number") {
      const told = await get(layerPath(this.item, this.layer.id, `/nuclei/${key}`));
      if (this.selection[this.selection.length - 1] !== key) return null;
      pairs.push(["Id", String(told.id ?? key)]);
      for (const { name, label, unit } of [...nuclei.meta.columns].sort((one, other) => (other.name === "probability") - (one.name === "probability"))) {
        const value = told[name] ?? told.measures[name];
        if (value !== undefined && value !== null) pairs.push([label, `${number(value)} ${unit ?? ""}`.trim()]);
      }
    } else pairs.push(["Drawn", String(key)]);
    if (change?.verdict) pairs.push(["Judged", change.verdict]);
    if (change && "class" in change) pairs.push(["Class, corrected", change.class ?? "none"]);
    $("class").value = change?.class ?? "";
    return rows($("nucleus"), pairs);
  }

  sketch(view) {
    this.correct.sketch(view);
    this.regions.sketch(view);
    for (const key of this.selection) {
      const ring = this.nuclei?.ring(key);
      if (ring) this.stage.trace(view, ring, { colour: "#0b57d0", width: 3 });
    }
    this.tools.sketch(view);
    $("zoom").textContent = this.item.mpp ? `${number(10 / (this.item.mpp / view.zoom))}× (${number(100 * view.zoom)} %)` : `${number(100 * view.zoom)} %`;
  }

  tellPlace([x, y]) {
    if (!this.item) return;
    const { mpp } = this.item, um = mpp ? ` (${number(Math.round(x * mpp))}, ${number(Math.round(y * mpp))} µm)` : "";
    $("position").textContent = `x ${number(Math.floor(x))}, y ${number(Math.floor(y))} px${um}`;
  }

  showBox({ x0, y0, x1, y1 }) {
    const { width, height, ratio } = this.stage.view;
    this.stage.lookAt((x0 + x1) / 2, (y0 + y1) / 2, 0.8 * Math.min(width / ratio / (x1 - x0), height / ratio / (y1 - y0)));
  }

  /** The view is another one: write it to the address, soon. */
  changed() {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => { if (this.item && this.stage.viewer.world.getItemCount()) link.write(this); }, 150);
  }

  async segment() {
    const { item } = this, { box } = this.stage.view, clip = (value, most) => Math.round(Math.min(most, Math.max(0, value)));
    const [x, y] = [clip(box.x0, item.width), clip(box.y0, item.height)];
    const part = { x, y, width: clip(box.x1, item.width) - x, height: clip(box.y1, item.height) - y };
    $("segment").disabled = true;
    try {
      const { job } = await post(itemPath(item, "/segment"), part);
      let told;
      do {
        await new Promise((resolve) => { setTimeout(resolve, 400); });
        told = await get(`jobs/${encodeURIComponent(job)}`);
        $("empty-text").textContent = told.message || `${told.state} ${number(100 * told.done)} %`;
      } while (told.state === "waiting" || told.state === "running");
      if (told.state === "failed") throw new Error(told.message);
      Object.assign(item, (await get("items")).items.find(({ id }) => id === item.id));
      options($("layer"), item.layers.map(({ id, name }) => [id, name]), told.layer);
      if (item === this.item) await this.openLayer(told.layer);
    } catch (error) { say(error.message); } finally { $("segment").disabled = false; }
  }

  toggleList() {
    const off = document.querySelector("main").classList.toggle("no-list");
    $("toggle-list").setAttribute("aria-pressed", !off);
  }

  async copyLink() {
    link.write(this);
    try { await navigator.clipboard.writeText(location.href); say("Link to this view copied.", true); } catch { say(`Copy this: ${location.href}`, true); }
  }

  async savePicture() {
    const { name, mpp } = this.item, { x, y } = this.stage.view;
    save(await this.stage.picture(`${name}   centre ${x.toFixed(0)}, ${y.toFixed(0)} px${mpp ? `   ${number(mpp)} µm/px` : ""}   ${this.layer?.name ?? ""}`), `${name} view.png`);
  }

  theme() {
    const { dataset } = document.documentElement, dark = dataset.theme ? dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
    dataset.theme = dark ? "light" : "dark";
    localStorage.setItem("theme", dataset.theme);
  }
}

const stored = localStorage.getItem("theme");
if (stored) document.documentElement.dataset.theme = stored;
try {
  window.nuseg = new App(await (await fetch("static/shaders.glsl")).text());
  await window.nuseg.start();
} catch (error) { say(error.message); }
