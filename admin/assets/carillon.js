// Carillon's pages work without this. With it, schedules are previewed while one types, output follows its command,
// lists refresh themselves while one looks at them, and the keyboard goes everywhere.
"use strict";
(() => {
  const root = document.documentElement;
  const $ = (selector) => document.querySelector(selector);
  root.classList.add("has-js");

  const policy = window.trustedTypes?.createPolicy("carillon", { createHTML: (html) => html });
  const parse = (html) => new DOMParser().parseFromString(policy ? policy.createHTML(html) : html, "text/html");

  // The viewer's time zone, until he chooses another.
  if (!/(^|; )carillon_zone=/.test(document.cookie)) {
    const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
    if (zone) document.cookie = `carillon_zone=${zone}; Path=/; Max-Age=31536000; SameSite=Lax`;
  }

  // Pages that refresh themselves need not wait for everything; the server is told for as long as the browser is open.
  document.cookie = "carillon_script=1; Path=/; SameSite=Lax";

  // A note belongs to the action before it, not to the address.
  const here = new URL(location.href);
  if (here.searchParams.has("note")) {
    here.searchParams.delete("note");
    history.replaceState(null, "", here);
  }

  // Live parts: the same page is asked for again and its marked parts are exchanged.
  const LIVE_MS = 3000, PATIENCE_MS = 10000;
  const liveSwitch = $("#live-switch");
  let isPaused = sessionStorage.getItem("carillon_paused") === "1";
  const showLive = () => {
    if (!liveSwitch) return;
    liveSwitch.textContent = isPaused ? liveSwitch.dataset.paused : liveSwitch.dataset.live;
    liveSwitch.setAttribute("aria-pressed", String(isPaused));
  };
  const toggleLive = () => {
    isPaused = !isPaused;
    sessionStorage.setItem("carillon_paused", isPaused ? "1" : "0");
    showLive();
  };
  liveSwitch?.addEventListener("click", toggleLive);
  showLive();

  // What stands there stays when nobody answers; a quiet mark says of when it is.
  const stale = $("#stale");
  let asOf = new Date(), isAsking = false;
  const markStale = (isStale) => {
    const told = isStale ? stale.dataset.told.replace("{}", asOf.toLocaleTimeString(root.lang)) : "";
    if (stale.textContent !== told) stale.textContent = told;
  };
  const isBusy = (part) => part.contains(document.activeElement) || part.querySelector("input:checked, details[open]");
  const refresh = async () => {
    const parts = [...document.querySelectorAll("[data-live]")];
    if (isPaused || isAsking || document.hidden || parts.length === 0 || $("dialog[open]")) return;
    isAsking = true;
    const ask = { headers: { Accept: "text/html", "Carillon-Live": "1" }, redirect: "manual", signal: AbortSignal.timeout(PATIENCE_MS) };
    const text = await fetch(location.href, ask).then((answer) => (answer.ok ? answer.text() : null)).catch(() => null);
    isAsking = false;
    markStale(text === null);
    if (text === null) return;
    asOf = new Date();
    const fresh = parse(text);
    for (const part of parts) {
      const next = fresh.querySelector(`[data-live="${part.dataset.live}"]`);
      if (next && !isBusy(part) && next.innerHTML !== part.innerHTML) {
        part.replaceChildren(...[...next.childNodes].map((node) => document.importNode(node, true)));
      }
    }
  };
  if (!liveSwitch) { /* signed out */ } else if ($("[data-live]")) {
    setInterval(refresh, LIVE_MS);
  } else {
    liveSwitch.hidden = true;
  }

  // Parts of a form that follow what is typed, 150 ms after the last key.
  const follow = (part, address, names, done = () => {}) => {
    const form = $("#job-form");
    let timer, number = 0;
    const look = async () => {
      const query = new URLSearchParams();
      for (const name of [...names, "id"]) if (form.elements[name]?.value) query.set(name, form.elements[name].value);
      const mine = ++number;
      const answer = await fetch(`${address}?${query}`);
      if (!answer.ok || mine !== number) return;
      const fresh = parse(await answer.text());
      part.replaceChildren(...[...fresh.body.childNodes].map((node) => document.importNode(node, true)));
      done(form);
    };
    for (const name of names) {
      form.elements[name]?.addEventListener("input", () => { clearTimeout(timer); timer = setTimeout(() => look().catch(() => {}), 150); });
    }
  };
  const preview = $("[data-preview]");
  if (preview) follow(preview, preview.dataset.preview, ["schedule", "zone", "dst", "calendar", "on_blackout"], (form) => {
    form.elements.schedule.toggleAttribute("aria-invalid", false);
    if ($("#schedule-wrong")) form.elements.schedule.setAttribute("aria-invalid", "true");
  });
  const placing = $("[data-placing]");
  if (placing) follow(placing, placing.dataset.placing, ["placement", "placement_n", "labels", "nodes", "exclude_nodes"]);

  // A query is completed word by word: what stands before the last word stays.
  const query = $("[data-complete]");
  if (query) {
    const offered = [...query.list.options].map((option) => option.value);
    query.addEventListener("input", () => {
      const before = query.value.match(/^(?:(?:"[^"]*"|[^\s"])*\s+)*-?/)[0], last = query.value.slice(before.length);
      const fits = offered.filter((word) => word.startsWith(last) && word !== last);
      query.list.replaceChildren(...fits.map((word) => { const option = document.createElement("option"); option.value = before + word; return option; }));
    });
  }

  // Output of a run.
  const output = $("#output");
  if (output) {
    const follow = $("#follow"), wrap = $("#wrap"), search = $("#output-search");
    const toEnd = () => { if (follow?.checked) output.scrollTop = output.scrollHeight; };
    wrap?.addEventListener("change", () => output.classList.toggle("wrap", wrap.checked));
    follow?.addEventListener("change", toEnd);
    toEnd();
    const unmark = () => {
      for (const mark of output.querySelectorAll("mark")) mark.replaceWith(mark.textContent);
      output.normalize();
    };
    search?.addEventListener("input", () => {
      unmark();
      const wanted = search.value.toLowerCase();
      if (wanted.length < 2) return;
      const walker = document.createTreeWalker(output, NodeFilter.SHOW_TEXT);
      const hits = [];
      while (walker.nextNode() && hits.length < 500) {
        const text = walker.currentNode.data.toLowerCase();
        for (let at = text.lastIndexOf(wanted); at >= 0 && hits.length < 500; at = at > 0 ? text.lastIndexOf(wanted, at - 1) : -1) hits.push([walker.currentNode, at]);
      }
      for (const [node, at] of hits) {
        const range = document.createRange();
        range.setStart(node, at);
        range.setEnd(node, at + wanted.length);
        range.surroundContents(document.createElement("mark"));
      }
      output.querySelector("mark")?.scrollIntoView({ block: "nearest" });
    });
    if (output.dataset.events) {
      const expected = {};
      const source = new EventSource(output.dataset.events);
      source.addEventListener("output", (event) => {
        $("#output-empty")?.remove();
        for (const piece of JSON.parse(event.data)) {
          const gap = piece.offset - (expected[piece.stream] ?? piece.offset);
          if (gap > 0) {
            const line = document.createElement("span");
            line.className = "gap";
            line.textContent = output.dataset.gap.replace("{}", gap);
            output.append(line);
          }
          expected[piece.stream] = piece.offset + piece.size;
          let last = output.lastElementChild;
          if (!last || last.dataset.stream !== piece.stream || last.textContent.length > 20000) {
            last = document.createElement("span");
            last.dataset.stream = piece.stream;
            output.append(last);
          }
          for (const [look, text] of piece.spans) {
            const span = look ? document.createElement("span") : last;
            if (look) { span.className = look; last.append(span); }
            span.append(text);
          }
        }
        while (output.childElementCount > 400) output.firstElementChild.remove();
        toEnd();
      });
      source.addEventListener("state", refresh);
      source.addEventListener("end", () => {
        source.close();
        const state = $("#live-state");
        if (state) { state.textContent = state.dataset.ended; state.dataset.state = "on"; }
        location.reload();
      });
    }
  }

  // Keyboard.
  const help = $("#help");
  $("#help-switch")?.addEventListener("click", () => help.showModal());
  const rows = () => [...document.querySelectorAll("[data-rows] tbody tr")];
  const move = (step) => {
    const all = rows();
    if (all.length === 0) return;
    const at = all.findIndex((row) => row.classList.contains("is-current"));
    const next = all[Math.min(all.length - 1, Math.max(0, at + step))];
    all[at]?.classList.remove("is-current");
    next.classList.add("is-current");
    next.scrollIntoView({ block: "nearest" });
  };
  let isGoing = false;
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.target.matches?.("input:not([type=checkbox]), select, textarea, [contenteditable]")) {
      if (event.key === "Escape") event.target.blur();
      return;
    }
    const wasGoing = isGoing;
    isGoing = false;
    if (wasGoing) {
      $(`a[data-key="${CSS.escape(event.key)}"]`)?.click();
      return;
    }
    const current = $("tr.is-current");
    switch (event.key) {
      case "g": isGoing = true; break;
      case "/": event.preventDefault(); $("[data-search]")?.focus(); break;
      case "?": help?.showModal(); break;
      case ".": toggleLive(); break;
      case "j": move(1); break;
      case "k": move(-1); break;
      case "x": current?.querySelector("input[type=checkbox]")?.click(); break;
      case "e": $("[data-edit]")?.click(); break;
      case "Enter": if (current) current.querySelector("[data-open]")?.click(); break;
    }
  });
})();
