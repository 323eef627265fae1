/* A page that refreshes itself: its live parts are replaced, the focus and what is unfolded stay. */
(() => {
  const page = document.querySelector("[data-refresh]");
  if (!page) return;
  const seconds = Number(page.dataset.refresh);
  const nameOf = (element) => element.id || element.getAttribute("href") || element.dataset.key || element.textContent.trim();

  const replace = (part, fresh) => {
    const active = part.contains(document.activeElement) ? document.activeElement : null;
    const scrolled = active ? active.scrollTop : 0;
    const place = active && { tag: active.tagName, name: nameOf(active) };
    const others = fresh.querySelectorAll("details:not([data-key])");
    for (const [place, details] of part.querySelectorAll("details:not([data-key])").entries()) {
      if (others[place]) others[place].open = details.open;
    }
    for (const details of part.querySelectorAll("details[data-key]")) {
      const same = fresh.querySelector(`details[data-key="${CSS.escape(details.dataset.key)}"]`);
      if (same) same.open = details.open;
    }
    if (part.isEqualNode(fresh)) return;
    part.replaceChildren(...fresh.childNodes);
    if (!place) return;
    const again = [...part.querySelectorAll(place.tag)].find((element) => nameOf(element) === place.name);
    if (again) {
      again.focus({ preventScroll: true });
      again.scrollTop = scrolled;
    } else {
      // What had the focus is gone: the part itself takes it, so that the keyboard does not start from the top.
      part.tabIndex = -1;
      part.focus({ preventScroll: true });
    }
  };

  let goesOn = true; // until a page comes that will not change any more
  const refresh = async () => {
    if (document.hidden) return;
    const answer = await fetch(location.href, { headers: { "X-Background": "1" }, credentials: "same-origin" });
    if (!answer.ok || answer.redirected) return;
    const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
    goesOn = fresh.querySelector("[data-refresh]") !== null;
    for (const part of page.querySelectorAll("[data-live]")) {
      const other = fresh.querySelector(`[data-live="${part.dataset.live}"]`);
      if (other) replace(part, other);
    }
  };

  const again = () => refresh().catch(() => undefined).finally(() => { if (goesOn) setTimeout(again, seconds * 1000); });
  setTimeout(again, seconds * 1000);
  document.addEventListener("visibilitychange", () => { if (!document.hidden) refresh().catch(() => undefined); });
})();
