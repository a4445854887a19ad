/* Draws the diagrams of a page, and again when the reader changes between light and dark. */
(() => {
  "use strict";
  const diagrams = [...document.querySelectorAll("pre.mermaid")];
  const sources = new Map(diagrams.map((d) => [d, d.textContent]));
  const system = window.matchMedia("(prefers-color-scheme: dark)");

  function dark() {
    const chosen = document.body.dataset.theme;
    return chosen === "dark" || (chosen !== "light" && system.matches);
  }

  async function draw() {
    for (const diagram of diagrams) {
      diagram.removeAttribute("data-processed");
      diagram.textContent = sources.get(diagram);
    }
    mermaid.initialize({
      startOnLoad: false,
      securityLevel: "strict",
      theme: dark() ? "dark" : "neutral",
    });
    try {
      await mermaid.run({ nodes: diagrams });
      document.body.dataset.diagrams = String(diagrams.length);
    } catch (error) {
      document.body.dataset.diagrams = `failed: ${error.message}`;
    }
  }

  let shown = dark();
  const again = () => {
    if (dark() !== shown) {
      shown = dark();
      draw();
    }
  };
  system.addEventListener("change", again);
  new MutationObserver(again).observe(document.body, { attributeFilter: ["data-theme"] });
  draw();
})();
