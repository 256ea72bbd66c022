// Ends the server when the test that started it ends, however that ends: the
// other end of standard input is held by the test process alone.
"use strict";
process.stdin.on("end", () => process.exit(0));
process.stdin.on("error", () => process.exit(0));
process.stdin.resume();
