// What a person with a screen reader, a keyboard or weak eyes would trip over, as a list of findings.
// The body of a function; rules follow WCAG 2.2, levels A and AA. It must not know any page.

const found = [];
const tell = (rule, node, why) => {
  const id = node?.id ? `#${node.id}` : "";
  found.push(`${rule}: <${node?.localName ?? "page"}${id}> ${why} ${(node?.outerHTML ?? "").slice(0, 120)}`);
};
const all = (css, from = document) => [...from.querySelectorAll(css)];
const visible = (node) => {
  if (!node.checkVisibility({ visibilityProperty: true, contentVisibilityAuto: false })) return false;
  const closed = node.closest("details:not([open])");
  return !closed || closed === node || node.closest("summary")?.parentElement === closed;
};
const hushed = (node) => node.closest("[aria-hidden=true]") !== null;
const textOf = (ids) => (ids ?? "").split(/\s+/).filter(Boolean).map((id) => document.getElementById(id)?.textContent ?? "").join(" ").trim();
const spoken = (node) => {
  const copy = node.cloneNode(true);
  for (const hidden of all("[aria-hidden=true]", copy)) hidden.remove();
  for (const image of all("img[alt]", copy)) image.replaceWith(image.alt);
  return copy.textContent.trim();
};
const named = (node) => {
  const labels = [...(node.labels ?? [])].map((label) => label.textContent.trim()).join(" ");
  return textOf(node.getAttribute("aria-labelledby")) || node.getAttribute("aria-label")?.trim() || labels || node.title?.trim() || "";
};

// The page itself.
if (!document.documentElement.lang) tell("language", document.documentElement, "has no lang");
if (!document.title.trim()) tell("title", document.documentElement, "has no title");
const viewport = document.querySelector("meta[name=viewport]")?.content ?? "";
if (/user-scalable\s*=\s*(no|0)|maximum-scale\s*=\s*[01](\.|$|,)/.test(viewport)) tell("zoom", document.head, "forbids zoom");
if (all("main").filter(visible).length !== 1) tell("landmark", document.body, "has not one main");
const outside = "main, header, footer, nav, section[aria-label], section[aria-labelledby], dialog, [role=status], a[href^='#']";
for (const node of all("body *")) {
  const own = [...node.childNodes].some((child) => child.nodeType === 3 && child.data.trim());
  if (own && visible(node) && !node.closest(`${outside}, script, style`)) tell("landmark", node, "lies outside of every landmark");
}

// Ids, and what points at them.
const ids = new Map();
for (const node of all("[id]")) ids.set(node.id, (ids.get(node.id) ?? 0) + 1);
for (const [id, times] of ids) if (times > 1) tell("ids", document.getElementById(id), `is there ${times} times`);
for (const name of ["aria-labelledby", "aria-describedby", "aria-controls", "for"]) {
  for (const node of all(`[${name}]`)) {
    for (const id of node.getAttribute(name).split(/\s+/)) if (!ids.has(id)) tell("reference", node, `${name} names #${id}, which is not there`);
  }
}

// Names of what can be used or seen.
for (const node of all("input:not([type=hidden]), select, textarea, progress, meter")) {
  if (visible(node) && !named(node)) tell("label", node, "has no label");
}
for (const node of all("button, a[href], summary, [role=button], [role=tab], [role=link]")) {
  if (visible(node) && !hushed(node) && !named(node) && !spoken(node)) tell("name", node, "has no name");
}
for (const node of all("img:not([alt])")) tell("name", node, "has no alt");
for (const node of all("svg")) {
  if (visible(node) && !hushed(node) && !(node.getAttribute("role") === "img" && named(node))) tell("name", node, "is a picture without role and name");
}
for (const node of all("dialog[open], [role=dialog], [role=region], [role=group], [role=tablist], [role=tabpanel], nav")) {
  if (visible(node) && !named(node)) tell("name", node, "has no name");
}

// Roles and their states.
const ROLES = "alert alertdialog application article banner button cell checkbox columnheader combobox complementary contentinfo dialog document form grid gridcell group heading img link list listbox listitem log main menu menuitem meter navigation none note option presentation progressbar radio radiogroup region row rowgroup rowheader search slider spinbutton status switch tab table tablist tabpanel textbox timer toolbar tooltip tree treeitem".split(" ");
for (const node of all("[role]")) if (!ROLES.includes(node.getAttribute("role"))) tell("role", node, "has an unknown role");
for (const node of all("*")) {
  for (const { name, value } of node.attributes) {
    if (/^aria-(hidden|pressed|selected|expanded|invalid|busy|atomic|current)$/.test(name) && !["true", "false", "mixed", "page", "step"].includes(value)) tell("state", node, `${name} is ${value}`);
    if (/^on/.test(name)) tell("inline", node, `${name} is a handler in the markup`);
    if (name === "style") tell("inline", node, "has a style in the markup");
  }
}
for (const node of all("[role=tab]")) {
  if (!node.parentElement.closest("[role=tablist]")) tell("role", node, "is a tab without a list");
  if (!node.hasAttribute("aria-selected")) tell("state", node, "does not say whether it is selected");
}
for (const list of all("[role=tablist]")) {
  if (all("[role=tab][aria-selected=true]", list).length !== 1) tell("state", list, "has not one selected tab");
  if (all("[role=tab][tabindex='0']", list).length !== 1) tell("state", list, "has not one tab to reach");
}
for (const node of all("[tabindex]")) if (node.tabIndex > 0) tell("order", node, "jumps the order of Tab");
const REACH = "a[href], button:not(:disabled), input:not(:disabled), select:not(:disabled), textarea, summary, [tabindex='0']";
for (const node of all(REACH)) {
  if (visible(node) && hushed(node)) tell("hidden", node, "can be reached and is hidden from screen readers");
  const around = node.parentElement?.closest("a[href], button, summary, label");
  if (visible(node) && around && around.localName !== "label") tell("nested", node, `lies in another control <${around.localName}>`);
}

// Headings, lists and tables.
const headings = all("h1, h2, h3, h4, h5, h6").filter(visible);
if (headings.filter((node) => node.localName === "h1").length !== 1) tell("heading", document.body, "has not one h1");
headings.reduce((before, node) => {
  const level = Number(node.localName[1]);
  if (level > before + 1) tell("heading", node, `comes after level ${before}`);
  if (!node.textContent.trim()) tell("heading", node, "is empty");
  return level;
}, 0);
for (const node of all("ul, ol")) for (const child of node.children) if (!["li", "script", "template"].includes(child.localName)) tell("list", child, "stands in a list and is no item");
for (const node of all("li")) if (!["UL", "OL", "MENU"].includes(node.parentElement.tagName)) tell("list", node, "is an item of no list");
for (const node of all("dl")) for (const child of node.children) if (!["dt", "dd", "div"].includes(child.localName)) tell("list", child, "stands in a list of terms");
for (const node of all("table")) {
  if (!visible(node)) continue;
  if (!node.caption?.textContent.trim() && !named(node)) tell("table", node, "has no caption");
  for (const cell of all("th", node)) if (!cell.scope) tell("table", cell, "does not say what it heads");
}
for (const node of all("body *")) {
  const style = getComputedStyle(node);
  const scrolls = (/auto|scroll/.test(style.overflowY) && node.scrollHeight > node.clientHeight + 1) || (/auto|scroll/.test(style.overflowX) && node.scrollWidth > node.clientWidth + 1);
  if (scrolls && visible(node) && node.tabIndex < 0 && all(REACH, node).length === 0) tell("scroll", node, "scrolls and cannot be reached by the keyboard");
}

// Size of what is pressed: 24 by 24 pixels, but for links within a text.
for (const node of all("button, input, select, summary, [role=tab]")) {
  if (!visible(node) || node.type === "range" || node.labels?.length > 0 && node.type === "checkbox") continue;
  const box = node.getBoundingClientRect();
  const small = Math.min(box.width, box.height) < (node.type === "checkbox" ? 16 : 24);
  if (small && box.width > 0) tell("size", node, `is ${Math.round(box.width)} by ${Math.round(box.height)}`);
}

// Contrast of every text.
const canvas = Object.assign(document.createElement("canvas"), { width: 1, height: 1 }).getContext("2d", { willReadFrequently: true });
const parsed = new Map();
const parse = (text) => {
  if (!parsed.has(text)) {
    canvas.clearRect(0, 0, 1, 1);
    canvas.fillStyle = text;
    canvas.fillRect(0, 0, 1, 1);
    const [r, g, b, a] = canvas.getImageData(0, 0, 1, 1).data;
    parsed.set(text, [r, g, b, a / 255]);
  }
  return parsed.get(text);
};
const over = ([r, g, b, a], [R, G, B]) => [r * a + R * (1 - a), g * a + G * (1 - a), b * a + B * (1 - a), 1];
const light = ([r, g, b]) => {
  const [x, y, z] = [r, g, b].map((part) => (part / 255 <= 0.04045 ? part / 255 / 12.92 : ((part / 255 + 0.055) / 1.055) ** 2.4));
  return 0.2126 * x + 0.7152 * y + 0.0722 * z;
};
const backdrop = (node) => {
  const layers = [];
  let solid = false;
  for (let at = node; at && !solid; at = at.parentElement) {
    const colour = parse(getComputedStyle(at).backgroundColor);
    if (colour[3] > 0) layers.push(colour);
    solid = colour[3] === 1;
  }
  const base = parse(matchMedia("(prefers-color-scheme: dark)").matches ? "#121212" : "#ffffff");
  return layers.reverse().reduce((below, layer) => over(layer, below), base);
};
const ratio = (a, b) => (Math.max(light(a), light(b)) + 0.05) / (Math.min(light(a), light(b)) + 0.05);
let checked = 0;
for (const node of all("body *")) {
  const own = [...node.childNodes].some((child) => child.nodeType === 3 && child.data.trim());
  const field = ["input", "select"].includes(node.localName) && !["checkbox", "range"].includes(node.type);
  if (!(own || field) || !visible(node) || node.closest("script, style, noscript, option, :disabled, .unseen")) continue;
  const style = getComputedStyle(node);
  const ink = node.closest("svg") ? style.fill : style.color;
  if (ink === "none") continue;
  const behind = backdrop(node);
  const faint = [...(function* up() { for (let at = node; at; at = at.parentElement) yield Number(getComputedStyle(at).opacity); })()].reduce((a, b) => a * b, 1);
  const [r, g, b, a] = parse(ink);
  const seen = over([r, g, b, a * faint], behind);
  const size = parseFloat(style.fontSize);
  const large = size >= 24 || (size >= 18.66 && Number(style.fontWeight) >= 700);
  checked += 1;
  const got = ratio(seen, behind);
  if (got < (large ? 3 : 4.5)) tell("contrast", node, `has ${got.toFixed(2)} to 1, ${ink} on ${behind.slice(0, 3).map(Math.round)}`);
  // The edge of a field is what shows where it is.
  if (field && ratio(over(parse(style.borderTopColor), behind), backdrop(node.parentElement)) < 3) tell("contrast", node, "has an edge that is hard to see");
}
for (const line of all("svg .lines path")) {
  if (visible(line) && ratio(parse(getComputedStyle(line).stroke), backdrop(line)) < 3) tell("contrast", line, "is a line that is hard to see");
}
if (checked === 0) tell("contrast", document.body, "has no text at all");
return found;
