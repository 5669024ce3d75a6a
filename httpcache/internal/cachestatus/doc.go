// Package cachestatus writes Cache-Status (RFC 9211): what a cache did with a request, and why.
//
//	cachestatus.Append(header, cachestatus.Status{Cache: "aside", Hit: true}.WithTTL(ttl))
//	cachestatus.Append(header, cachestatus.Status{Cache: "aside", Forward: cachestatus.URIMiss, Detail: "no-store"})
//
// What caches nearer to the handler said stays in front of it, as it was.
package cachestatus
