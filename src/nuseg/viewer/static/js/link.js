// The address bar holds the view: what is after # restores image, layer, place, colours, filters and selection.
import { $ } from "./dom.js";
const PLAIN = { opacity: "1", fill: "0", mode: "auto", scale: "viridis" }, FIELDS = Object.keys(PLAIN);

export function write(app) {
  const { x, y, zoom } = app.stage.view, parts = new URLSearchParams({ image: app.item.id, x: x.toFixed(1), y: y.toFixed(1), zoom: zoom.toPrecision(5) });
  if (app.layer) parts.set("layer", app.layer.id);
  if ($("colour").value) parts.set("colour", $("colour").value);
  for (const id of FIELDS) if ($(id).value !== PLAIN[id]) parts.set(id, $(id).value);
  for (const [name, range] of app.look.filters) parts.append("filter", [name, ...range].join("~"));
  for (const name of app.look.hidden) parts.append("hide", name);
  for (const key of app.selection) parts.append("nucleus", JSON.stringify(key));
  if (app.comparison) parts.set("compare", app.comparison.b);
  history.replaceState(null, "", `#${parts}`);
}

export function read(app, { hash }) {
  const parts = new URLSearchParams(hash.slice(1)), place = ["x", "y", "zoom"].map((name) => Number(parts.get(name)));
  for (const id of FIELDS) { $(id).value = parts.get(id) ?? PLAIN[id]; if (!$(id).value) $(id).value = PLAIN[id]; } // not one of the choices
  app.look.colour = parts.get("colour") ?? ""; app.look.hidden = new Set(parts.getAll("hide"));
  app.look.filters = new Map(parts.getAll("filter").map((text) => text.split("~")).map(([name, low, high]) => [name, [Number(low), Number(high)]])
    .filter(([, [low, high]]) => low <= high));
  const keys = parts.getAll("nucleus").flatMap((text) => { try { return [JSON.parse(text)]; } catch { return []; } });
  const item = app.items.find(({ id }) => id === parts.get("image"));
  return {
    item, lost: parts.has("image") && !item, layer: parts.get("layer"), compare: parts.get("compare"),
    keys, place: parts.has("x") && place.every(Number.isFinite) && place[2] > 0 ? { x: place[0], y: place[1], zoom: place[2] } : null,
  };
}
