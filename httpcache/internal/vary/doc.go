// Package vary tells which of several stored answers of a URL belongs to a request (RFC 9111, section 4.1).
//
//	fields := vary.Fields(answer.Header, route...)        // what an answer depends on, when it is to be stored
//	index, variant, dropped := index.Add(fields, request.Header, most) // what the URL's own entry holds, if on anything
//	variant := vary.Key(index.Fields, request.Header)     // the one to look for
//
// A Content-Encoding without Vary counts as Vary: Accept-Encoding, and an Access-Control-Allow-Origin for one origin as
// Vary: Origin: both are forgotten often, and what follows is an answer that its client can't read.
//
// Values are compared in a normal form: lines joined, white space and the case of languages and media types aside. Of
// Accept-Encoding only the set of codings counts, since each client of a set can read what was chosen for another. The order
// of languages counts. Vary: * has no variant; package storable refuses it.
package vary
