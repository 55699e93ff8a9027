// How far the page reaches out of its window to the side, and the innermost elements whose words do: empty when it fits.
() => {
  const edge = document.documentElement.clientWidth;
  const over = document.documentElement.scrollWidth - edge;
  if (over <= 0) return [];
  const reach = (element) => {
    const range = document.createRange();
    range.selectNodeContents(element);
    return range.getBoundingClientRect().right;
  };
  const isInnermost = (element) => ![...element.children].some((child) => reach(child) > edge + 0.5);
  const wide = [...document.querySelectorAll("header *, main *")]
    .filter((element) => reach(element) > edge + 0.5 && isInnermost(element))
    .map((element) => element.outerHTML.replace(/\s+/g, " ").slice(0, 120));
  return [`${over} px too wide`, ...wide.slice(0, 3)];
}
