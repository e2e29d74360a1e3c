(function () {
  "use strict";
  var button = document.getElementById("pause");
  var seconds = Number(button.getAttribute("data-seconds"));
  var paused = false;
  setInterval(function () {
    if (!paused && !document.hidden) { window.location.reload(); }
  }, seconds * 1000);
  button.addEventListener("click", function () {
    paused = !paused;
    button.setAttribute("aria-pressed", String(paused));
  });
  document.getElementById("by-script").hidden = false;
})();