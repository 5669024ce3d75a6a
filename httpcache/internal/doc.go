// Package internal is where the rules of a shared HTTP cache are: functions of headers and times, without network, clock or
// store. It holds no code. One folder is one idea:
//
//	field         lists, dates, seconds: List, Names, Open, IsToken, Unquote, Seconds, MaxDelta, Date, HopByHop
//	directive     Cache-Control and its targeted forms: OfAnswer -> Response, OfRequest -> Request, Delta
//	freshness     how long, how old, what then: Of(Answer, ..., Policy) -> Terms{Age, TTL, Keep, For}, State, Source, Stamp,
//	              AgeField, Cacheable
//	storable      may it be stored, and why not: Request, Answer, Shared, Body -> Reason, Reasons; Asked, Answered, Rules,
//	              Header
//	vary          which of several answers: Fields, Key, Index{Add}, MaxVariants
//	novary        which queries are the same: Parse -> Rule{Query, IsDefault}
//	conditional   conditions on a stored answer, and ours: Evaluate -> Outcome, Stored, RangeApplies, OriginOnly, Strip,
//	              Revalidate, NotModifiedHeader
//	freshen       a 304 or HEAD updates what is stored: Selects, ByNotModified, ByHead
//	ranges        parts of a stored answer: For -> Plan{Answer}, Range
//	invalidation  what an answer makes stale: By -> Stale, GroupTags, SurrogateKeys, Safe, Origin
//	cachestatus   what was done, for the client: Status{WithTTL, String}, Append, Forward
//
// A read goes through them in this order. The two sides meet in what is stored: status, header, body, and the two times of
// the fetch. Directives and terms are read from the stored header again, so that no second copy of them can differ.
//
//	storable.Request(asked, rules)              no: call the handler as if there were no cache
//	novary.Rule.Query, vary.Key                 find the entry
//	storable.Shared(asked, said, rules)         no: as a miss, and its answer isn't stored either
//	freshness.Terms.For(now, asked)             Fresh, or stale in one of three ways
//	conditional.OriginOnly                      yes: ask the handler
//	conditional.Evaluate                        304 or 412: done
//	conditional.RangeApplies, ranges.For        206 or 416: done
//
// A fill, or a revalidation:
//
//	conditional.Strip, or Revalidate            the handler is asked by us
//	freshen.Selects, ByNotModified              after a 304; the result is judged like a new answer
//	freshness.Stamp                             before anything looks at Date
//	directive.OfAnswer, freshness.Of            read it
//	storable.Answer                             at the headers: no: to its own request only
//	storable.Body                               when the handler returned
//	vary.Fields, Index.Add, storable.Header     store it
//	invalidation.GroupTags, SurrogateKeys       under these tags
//
// And after an unsafe method, before the first byte of its answer:
//
//	invalidation.By                             what is stale now
package internal
