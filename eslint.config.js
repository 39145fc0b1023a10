// Rules for the viewer's JavaScript; `make lint` runs them where there is npm.

const markup = ["innerHTML", "outerHTML", "insertAdjacentHTML", "srcdoc"];

export default [
  {
    files: ["src/nuseg/viewer/static/js/*.js"],
    languageOptions: {
      ecmaVersion: 2023,
      sourceType: "module",
      globals: Object.fromEntries(
        ["Blob", "CustomEvent", "Event", "EventTarget", "OffscreenCanvas", "URL", "URLSearchParams", "clearTimeout", "document", "fetch",
          "history", "ImageData", "localStorage", "location", "matchMedia", "navigator", "requestAnimationFrame", "setInterval", "setTimeout", "window"].map((name) => [name, "readonly"]),
      ),
    },
    linterOptions: { reportUnusedDisableDirectives: "error" },
    rules: {
      "no-undef": "error", "no-unused-vars": "error", "no-unreachable": "error", "no-dupe-keys": "error", "no-redeclare": "error", "no-const-assign": "error",
      "no-import-assign": "error", "no-self-compare": "error", "no-shadow": ["error", { allow: ["name"] }], "no-var": "error", "prefer-const": "error", eqeqeq: "error",
      "no-eval": "error", "no-implied-eval": "error", "no-new-func": "error", "no-console": "error", "no-fallthrough": "error", "no-empty": "error",
      "max-len": ["error", { code: 160, ignoreUrls: true }], "max-lines": ["error", 220], "consistent-return": "error",
      // Text of files must never become markup.
      "no-restricted-properties": ["error", ...markup.map((property) => ({ property })), { object: "document", property: "write" }],
    },
  },
];
