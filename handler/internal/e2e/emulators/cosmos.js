// The Cosmos server with a certificate of the test's own (its built-in one
// expired in 2021) and with connections kept open, of which its command line
// closes each after one answer.
//
//   node cosmos.js CERTIFICATE KEY
"use strict";
const fs = require("fs");
const cosmos = require("@vercel/cosmosdb-server").default;

const [certificate, key] = process.argv.slice(2);
const server = cosmos({ cert: fs.readFileSync(certificate), key: fs.readFileSync(key), keepAlive: true, minVersion: "TLSv1.2" });
server.keepAliveTimeout = 0; // the client decides when a connection is idle
server.listen(0, "127.0.0.1", () => console.log(`listens on https://127.0.0.1:${server.address().port}`));
