// The list of images: thumbnail, count, density, warnings; found, sorted.
import { $, counted, h, number } from "./dom.js";
export class List {
  constructor(app) {
    this.app = app;
    $("find").addEventListener("input", () => this.show());
    $("sort").addEventListener("change", () => this.show());
  }

  sorted() {
    const words = $("find").value.toLowerCase().split(/\s+/), by = $("sort").value;
    const found = this.app.items.filter((item) => words.every((word) => `${item.name} ${item.warnings.join(" ")}`.toLowerCase().includes(word)));
    const value = (item) => (by === "warnings" ? item.warnings.length : item[by] ?? -1);
    return found.sort((a, b) => (by === "name" ? 0 : value(b) - value(a)) || a.name.localeCompare(b.name, "en", { numeric: true }));
  }

  show() {
    const { app } = this, items = this.sorted(), all = app.items.length, held = $("items").contains(document.activeElement);
    const told = all === 1 ? "1 image" : `${number(all)} images`;
    $("how-many").textContent = items.length === all ? told : `${number(items.length)} of ${told}`;
    const button = (item) => ({ type: "button", "aria-current": item === app.item, onclick: () => app.open(item) });
    $("items").replaceChildren(...items.map((item) => h("li", {}, h("button", button(item),
      h("img", { src: item.thumbnail, alt: "", loading: "lazy", width: 68, height: 68 }),
      h("div", {}, h("strong", {}, item.name),
        h("span", {}, item.nuclei === null ? "no results yet" : counted(item.nuclei)),
        item.density_per_mm2 === null ? null : h("span", {}, `${number(item.density_per_mm2)} /mm²`),
        item.finished_regions ? h("span", {}, `${number(item.finished_regions)} finished`) : null,
        ...item.warnings.map((warning) => h("span", { class: "warn" }, `⚠ ${warning}`)))))));
    if (held) $("items").querySelector("[aria-current=true]")?.focus();
  }
  /** The image some places further in the list as it is shown. */
  step(by) {
    const items = this.sorted(), at = items.indexOf(this.app.item);
    if (items.length) this.app.open(items[(at + by + items.length) % items.length]);
  }
}
