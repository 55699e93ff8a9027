// What keeps somebody from using the page, as far as a machine can tell: a list of sentences, empty when all is well.
() => {
  const faults = [];
  const all = (selector) => [...document.querySelectorAll(selector)];
  const words = (element) => (element?.textContent ?? "").trim();
  const list = (text) => (text ?? "").split(/\s+/).filter(Boolean);
  const named = (ids) => list(ids).map((id) => words(document.getElementById(id))).join("");
  const label = (element) => (element.getAttribute("aria-label") ?? "").trim();
  const hasName = (element) => Boolean(label(element) || named(element.getAttribute("aria-labelledby")));
  const isShown = (element) => element.checkVisibility({ visibilityProperty: true });
  const tell = (what, element) => faults.push(`${what}: ${element.outerHTML.replace(/\s+/g, " ").slice(0, 120)}`);

  // The page as a whole
  const ids = all("[id]").map((element) => element.id);
  for (const id of new Set(ids.filter((id, at) => ids.indexOf(id) !== at))) faults.push(`id used twice: ${id}`);
  if (all("h1").length !== 1) faults.push("not exactly one h1");
  if (all("main").length !== 1) faults.push("not exactly one main");
  if (!document.documentElement.lang) faults.push("the page does not say its language");
  if (!document.title.trim()) faults.push("no title");

  let level = 0;
  for (const heading of all("h1, h2, h3, h4, h5, h6").filter(isShown)) {
    const own = Number(heading.tagName[1]);
    if (own > level + 1) tell(`heading jumps from h${level}`, heading);
    if (!words(heading)) tell("empty heading", heading);
    level = own;
  }

  // Names and words
  for (const field of all("input:not([type=hidden]), select, textarea")) {
    if (!hasName(field) && ![...(field.labels ?? [])].some(words)) tell("no label", field);
    for (const id of list(field.getAttribute("aria-describedby"))) {
      if (!document.getElementById(id)) tell(`described by ${id}, which is not there`, field);
    }
  }
  for (const deed of all("button, a[href], summary")) if (!hasName(deed) && !words(deed)) tell("no name", deed);
  for (const picture of all("img:not([alt])")) tell("picture without words", picture);
  for (const drawing of all("svg")) {
    const isDecoration = drawing.closest("[aria-hidden=true]");
    if (!isDecoration && !hasName(drawing) && !drawing.querySelector(":scope > title")) tell("no name", drawing);
  }
  for (const table of all("table")) if (!table.querySelector("th[scope]")) tell("table without heads", table);
  const navs = all("nav");
  if (navs.length > 1) for (const nav of navs) if (!hasName(nav)) tell("one of several navs, unnamed", nav);

  // Keyboard and pointer. 24 CSS pixels: WCAG 2.2, 2.5.8 Target Size (Minimum); words in a line are excepted there.
  for (const element of all("[tabindex]")) if (element.tabIndex > 0) tell("tab order forced", element);
  for (const target of all("button, summary, input:not([type=hidden]), select, nav a").filter(isShown)) {
    const { width, height } = target.getBoundingClientRect();
    const isExcepted = getComputedStyle(target).display === "inline" || ["radio", "checkbox"].includes(target.type);
    if (width && Math.min(width, height) < 24 && !isExcepted) tell(`only ${width} x ${height} px`, target);
  }

  // What the policy forbids or the server would refuse
  for (const element of all("[style], style, script:not([src])")) tell("not in a file", element);
  for (const form of all("form[method=post]")) {
    if (!form.querySelector("[name=csrfmiddlewaretoken]")) tell("post without its token", form);
  }
  return faults;
}
