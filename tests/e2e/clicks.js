// Reports each activation by a person to `countedActivation`, a binding of the browser context.
(() => {
  if (window !== window.top) return;
  const count = window.countedActivation;
  const typed = "input:not([type=checkbox], [type=radio], [type=submit], [type=button], [type=file], [type=image]), "
    + "textarea, select, option";
  let last = null;
  addEventListener("click", event => {
    // The click on a label and the one that it causes on its control, or Enter in a field and the one that it causes on
    // the form's button, have one time stamp.
    if (!event.isTrusted || event.timeStamp === last || event.target.closest?.(typed)) return;
    last = event.timeStamp;
    count(`click on ${event.target.innerText?.trim().slice(0, 40) || event.target.outerHTML.slice(0, 80)}`);
  }, true);
  addEventListener("submit", event => {
    if (event.isTrusted && !event.submitter) count("Enter in a form without a button");
  }, true);
  const arrived = performance.getEntriesByType("navigation")[0];
  if (arrived?.type === "navigate" && !document.referrer && location.protocol.startsWith("http")) {
    count(`address ${location.pathname}`);
  }
})();
