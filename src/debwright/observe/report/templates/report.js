"use strict";
(() => {
  const all = (selector, root = document) => [...root.querySelectorAll(selector)];
  const byId = (id) => document.getElementById(id);

  // Copy buttons. Without the clipboard API (a page opened from a file in some browsers) the
  // text is selected, so that one key press copies it.
  const select = (node) => {
    const range = document.createRange();
    range.selectNodeContents(node);
    const selection = window.getSelection();
    selection.removeAllRanges();
    selection.addRange(range);
  };
  for (const button of all("button.copy")) {
    button.hidden = false;
    button.addEventListener("click", async () => {
      const shown = button.parentElement.querySelector("code");
      let done = "Copied";
      try {
        await navigator.clipboard.writeText(button.dataset.copy);
      } catch {
        if (shown) select(shown);
        done = "Selected";
      }
      button.textContent = done;
      setTimeout(() => { button.textContent = "Copy"; }, 1500);
    });
  }

  // Filters.
  const bar = document.querySelector(".filter");
  if (bar) {
    const target = byId("f-target");
    const severity = byId("f-severity");
    const order = ["error", "warning", "info"];
    const apply = () => {
      const limit = order.indexOf(severity.value);
      for (const node of all("[data-target]")) {
        const name = node.dataset.target;
        node.hidden = target.value !== "" && name !== "" && name !== target.value;
      }
      let shown = 0;
      const findings = all(".target .finding");
      for (const finding of findings) {
        finding.hidden = order.indexOf(finding.dataset.severity) > limit;
        if (!finding.hidden && !finding.closest("[data-target]").hidden) shown += 1;
      }
      // With a severity chosen, a check that has nothing of it only stands in the way,
      // unless it failed or was skipped.
      for (const check of all(".check")) {
        check.hidden = severity.value !== "info" && !check.matches(".failed, .skipped")
          && !check.querySelector(".finding:not([hidden])");
      }
      byId("f-count").textContent = findings.length
        ? `${shown} of ${findings.length} findings shown` : "no findings";
    };
    bar.hidden = false;
    target.addEventListener("change", apply);
    severity.addEventListener("change", apply);
    const open = byId("f-open");
    open.addEventListener("click", () => {
      const details = all(".check details");
      const opening = details.some((d) => !d.open);
      details.forEach((d) => { d.open = opening; });
      open.textContent = opening ? "Close all checks" : "Open all checks";
    });
    apply();
  }

  // Paper has no fold.
  let folded = [];
  window.addEventListener("beforeprint", () => {
    folded = all("details:not([open])");
    folded.forEach((d) => { d.open = true; });
  });
  window.addEventListener("afterprint", () => folded.forEach((d) => { d.open = false; }));
})();
