// Runs before the first paint, so that a chosen theme does not flash.
(function () {
  let theme = null;
  try { theme = localStorage.getItem("local-rag-theme"); } catch { /* storage may be blocked */ }
  if (theme === "light" || theme === "dark") document.documentElement.dataset.theme = theme;
})();
