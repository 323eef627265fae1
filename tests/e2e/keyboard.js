// What the keyboard does not reach or does not show, as sentences; without pressing Tab a thousand times.
() => {
  const faults = [];
  const said = (element) => element.outerHTML.slice(0, 120);
  const kinds = "a[href], button, input:not([type=hidden]), select, textarea, summary, [tabindex]";
  // A picture that readers are not told of, as a chart above the table of its figures, is for the mouse alone.
  const shown = [...document.querySelectorAll(kinds)].filter(
    (element) =>
      element.checkVisibility({ checkVisibilityCSS: true }) && element.getClientRects().length && !element.disabled &&
      !element.closest("[aria-hidden=true]")
  );
  const look = (element) => {
    const { outlineStyle, outlineWidth, boxShadow, borderColor, backgroundColor } = getComputedStyle(element);
    return [outlineStyle === "none" ? "" : outlineStyle + outlineWidth, boxShadow, borderColor, backgroundColor].join();
  };
  const focused = document.activeElement;
  focused.blur();
  const before = shown.map(look);
  shown.forEach((element, number) => {
    if (element.tabIndex < 0 && element.matches(":not([tabindex='-1']:is(div, main, section, h1, h2, p))"))
      faults.push(`Tab does not reach ${said(element)}`);
    if (element.tabIndex > 0) faults.push(`Tab reaches it out of turn: ${said(element)}`);
    element.focus({ preventScroll: true });
    if (document.activeElement === element && look(element) === before[number])
      faults.push(`the focus is not seen on ${said(element)}`);
  });
  const skip = shown[0];
  if (!skip || !skip.matches("a[href^='#']") || !document.getElementById(skip.hash.slice(1)))
    faults.push("the first link does not skip to the content");
  document.activeElement.blur();
  if (focused !== document.body) focused.focus({ preventScroll: true });
  return faults;
}
