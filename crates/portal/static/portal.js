// Tells the server in which time zone to show times. Without it they are in UTC.
(function () {
  "use strict";
  var zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
  if (zone && /^[A-Za-z0-9_+\-\/]{1,64}$/.test(zone)) {
    document.cookie = "tz=" + zone + "; Path=/portal; Max-Age=31536000; SameSite=Strict; Secure";
  }
  // A token does not belong on a connection that others can read.
  var overheard = document.getElementById("overheard");
  if (overheard) { overheard.hidden = window.isSecureContext; }
  function says(title, text) {
    var problem = document.getElementById("problem");
    // What is there already is not read out once more.
    if (!problem || problem.textContent === title + text) { return; }
    var say = document.createElement("div");
    say.className = "say bad";
    say.setAttribute("role", "alert");
    [["h2", title], ["p", text]].forEach(function (part) {
      var line = document.createElement(part[0]);
      line.textContent = part[1];
      say.appendChild(line);
    });
    problem.replaceChildren(say);
  }
  function saysNothing() {
    var problem = document.getElementById("problem");
    if (problem) { problem.textContent = ""; }
  }
  function asksByItself(element) {
    return /^every /.test(element.getAttribute("hx-trigger") || "");
  }
  // What could not be done before does not count any more when something else is asked for.
  document.addEventListener("htmx:beforeRequest", function (event) {
    if (!asksByItself(event.detail.elt)) { saysNothing(); }
  });
  document.addEventListener("htmx:beforeOnLoad", function (event) {
    if (event.detail.xhr.status < 400) { saysNothing(); }
  });
  // Nothing was answered, or nothing that has a place in the page, which is as it was before.
  document.addEventListener("htmx:sendError", function () {
    says("Aerogram was not reached", "What you see is from before. Look whether you are online, then try again.");
  });
  document.addEventListener("htmx:timeout", function () {
    says("There was no answer in time", "What you see is from before. Look whether it was done before you try again.");
  });
  document.addEventListener("htmx:responseError", function (event) {
    var status = event.detail.xhr.status;
    says("That did not work",
      status >= 500 ? "What you see is from before. This is on our side (" + status + "). Try again in a moment."
        : "What you see is from before. It was refused (" + status + "). Load the page again.");
  });
  // A menu closes like any other: by Escape, and by a click on something else.
  document.addEventListener("click", function (event) {
    document.querySelectorAll("details.menu[open]").forEach(function (menu) {
      if (!menu.contains(event.target)) { menu.open = false; }
    });
  });
  document.addEventListener("keydown", function (event) {
    if (event.key !== "Escape") { return; }
    document.querySelectorAll("details.menu[open]").forEach(function (menu) {
      var had = menu.contains(document.activeElement);
      menu.open = false;
      if (had) { menu.querySelector("summary").focus(); }
    });
  });
})();
