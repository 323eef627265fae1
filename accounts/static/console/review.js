/* Questions by keyboard: a letter opens its decision and takes the focus there, Enter confirms; J and K go on and back. */
(() => {
  const question = document.querySelector(".review__question");
  if (!question) return;

  const open = (decision) => {
    decision.open = true;
    const field = decision.querySelector("form :is(input, select, textarea):not([type=hidden])");
    (field || decision.querySelector("[type=submit]")).focus();
  };

  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
    const typesText = event.target.matches("input:not([type=checkbox], [type=radio], [type=submit]), select, textarea");
    if (typesText) {
      if (event.key === "Escape") event.target.closest("details")?.querySelector("summary").focus();
      return;
    }
    const key = event.key.toLowerCase();
    const link = question.querySelector({ j: "a[rel=next]", k: "a[rel=prev]" }[key] || "none");
    if (link) { link.click(); return; }
    const decision = [...question.querySelectorAll(".decision")].find((one) => one.dataset.key === key);
    if (!decision) return;
    event.preventDefault(); // else the letter is typed into the field
    open(decision);
  });
})();
