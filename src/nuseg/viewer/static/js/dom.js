// Small helpers to build the page. Text from the server only ever becomes text nodes, never markup.
export const $ = (id) => document.getElementById(id);
/** Set properties of elements: { id: { hidden: true, ... }, ... }. */
export const put = (values) => Object.entries(values).forEach(([id, properties]) => Object.assign($(id), properties));
/** Do something when elements are clicked: { id: action, ... }. */
export const clicks = (actions) => Object.entries(actions).forEach(([id, action]) => $(id).addEventListener("click", action));
/** An element with attributes, listeners (onclick: ...) and children: elements or texts. */
export const h = (tag, attributes = {}, ...children) => dress(document.createElement(tag), attributes, children);
/** The same for SVG. */
export const svg = (tag, attributes = {}, ...children) => dress(document.createElementNS("http://www.w3.org/2000/svg", tag), attributes, children);

function dress(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name === "colour") element.style.backgroundColor = value;
    else if (value !== null && value !== undefined && value !== false) element.setAttribute(name, value);
  }
  element.append(...children.filter((child) => child !== null && child !== undefined));
  return element;
}

/** Rows of a table: a name and values, or a name alone for a heading. */
export function rows(table, lists) {
  const row = ([name, ...values]) => h("tr", values.length ? {} : { class: "head" },
    h("th", { scope: "row", colspan: values.length ? null : 2 }, name), ...values.map((value) => h("td", {}, value)));
  table.replaceChildren(...lists.map(row));
}

/** A colour with what it means. */
export const swatch = (colour, name) => h("span", { class: "key" }, h("span", { class: "swatch", colour }), h("span", {}, name));

/** Fill a select with [value, text] pairs and choose one of them. */
export function options(select, pairs, chosen) {
  select.replaceChildren(...pairs.map(([value, text]) => h("option", { value }, text)));
  if (pairs.some(([value]) => value === chosen)) select.value = chosen;
}

/** A number for people: three digits that count, thousands apart. */
export function number(value) {
  if (value === null || value === undefined || Number.isNaN(value)) return "–";
  if (typeof value !== "number") return String(value);
  return Number.isInteger(value) || Math.abs(value) >= 1000 ? Math.round(value).toLocaleString("en") : String(Number(value.toPrecision(3)));
}
/** How many nuclei, in words. */
export const counted = (count) => `${number(count)} ${count === 1 ? "nucleus" : "nuclei"}`;

let timer;
/** Say something over the picture; faults stay longer. */
export function say(textContent, good = false) {
  put({ message: { textContent, className: good ? "good" : "", hidden: !textContent } });
  clearTimeout(timer);
  timer = setTimeout(() => { $("message").hidden = true; }, good ? 3500 : 9000);
}

/** Give the browser a file to save. */
export function save(blob, name) {
  const link = h("a", { href: URL.createObjectURL(blob), download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10000);
}
