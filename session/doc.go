// Package session keeps typed sessions in Redis, for any number of nodes, on one server, Sentinel or Cluster. A session
// that has ended is never brought back, and no change is lost.
//
//	sessions := session.New[Cart](rdb)
//	http.ListenAndServe(addr, sessions.Middleware(mux))
//
//	cart, err := sessions.Get(r.Context())                                   // session.ErrNoSession for none
//	err = sessions.Update(r.Context(), func(c *Cart) error { ... })          // compare-and-set, begins one if need be
//	err = sessions.Login(r.Context(), user.ID)                               // new id, bound to the user
//	err = sessions.Destroy(r.Context())                                      // logout
//	err = sessions.DestroyAll(ctx, user.ID)                                  // on all nodes, at once
//	ctx, err := sessions.Watch(r.Context())                                  // ends with the session: SSE, WebSocket
//
// # How a session lives
//
// The client holds a token. It has a selector that names the session, an id of 256 bits from crypto/rand, and, once a
// user is logged in, a locator of the user. Redis has only hashes: the SHA-256 of the selector is in the key, and that of
// the id in the value. A renewal replaces the id within the key, so there is never a moment with two sessions or none. A
// login begins another session, which takes over the data. So a session has the same user, or none, all its life.
//
// The sessions of a user are one sorted set, and a session with a user is valid while its handle is in that set. It is
// added once, before anybody has its token, so a removed session does not get back in. Ending one session, all others or
// all, and the limit of [MaxPerUser], are each one command on one key. It takes effect on all nodes at that moment, even
// on Cluster, where a session and its user's set are on different servers. A request reads both in one round trip. If
// either is lost, the session has ended.
//
// Every change is a script that stores it only if the session exists and has the version that was read. If somebody else
// was first, the change is applied again on top of theirs. If the session has ended, the change is dropped ([ErrEnded]).
//
// Times are those of the Redis servers, each for its own keys. The clocks of two machines are never compared. Use extends
// a session once in a tenth of the idle time, so most requests only read.
//
// A session with a user takes 393 bytes in Redis without data, and 649 with 300 bytes of data, including its entry in the
// set and Redis's own tables (TestMemoryPerSession, redis-server 7.0). A request takes one round trip to read it, and
// another to change it; a login takes two or three.
//
// # When Redis is away
//
// No command takes longer than [Timeout], and a caller whose context is cancelled stops waiting. Each master has a circuit
// breaker. After five commands in a row that a master did not answer, requests for the sessions on it fail at once, with
// an error that wraps [ErrUnavailable]; with [AnonymousWhenAway] reads return [ErrNoSession] instead. A probe in the
// background finds out within about 100 ms that the master answers again, even without requests. The other masters of a
// Cluster are not affected. Only a client that has never learnt the slots of its Cluster waits for the timeout each time,
// because it does not know which master to ask.
//
// A logout that Redis did not execute is an error, never nil. The new session of a login that failed is ended when Redis
// answers again.
//
// # What it does not do
//
// Redis replicates asynchronously. After a failover the last changes and logouts may be missing, as with everything that
// only Redis stores. If you need more, use min-replicas-to-write on the server. The data of an anonymous session stays
// when its user logs in; an attacker may have put it there, so the program has to judge it.
//
// # OWASP ASVS 5.0
//
//	requirement                               how it is met                                      test
//	3.3.1  Secure, __Host- or __Secure-       default; [InsecureDevelopment] is the one way out  TestCookie, TestCookieOptions
//	3.3.2  SameSite                           Lax, [SameSiteStrict] or [SameSiteNone]             TestCookie, TestCookieOptions
//	3.3.3  __Host- unless shared              default; [Domain] and [Path] ask for __Secure-     TestBadOptionsPanic
//	3.3.4  HttpOnly                           always                                             TestCookie
//	3.3.5  at most 4096 bytes                 95 bytes                                           TestCookie
//	3.5.1  requests from other origins        net/http.CrossOriginProtection; [CrossOrigin]      TestCrossOriginRequestsAreRefused, TestExemptCrossOrigin
//	7.1.1  timeouts are documented            [Idle], [Absolute]                                 TestIdleToTheMillisecond, TestAbsoluteToTheMillisecond
//	7.1.2  parallel sessions are bounded      [MaxPerUser]: evict or refuse                      TestMaxPerUserHoldsOnAllNodes
//	7.2.1  tokens are verified by a backend   each request, in Redis                             TestForeignLocator, FuzzHeader
//	7.2.2  no static secrets                  tokens are made at run time                        TestTokensAreRandom
//	7.2.3  128 bits or more from a CSPRNG     256 bits from crypto/rand, only hashes are stored  TestTokensAreRandom, TestOnlyHashesInRedis
//	7.2.4  new token at authentication        Login and Renew end the old id at once             TestLife, TestLoginEndsTheGracePeriod, TestReplacedTokens
//	7.3.1  idle timeout                       30 min, [Idle]                                     TestIdleToTheMillisecond
//	7.3.2  absolute timeout                   12 h, [Absolute], [Lifetime]; renewals don't       TestAbsoluteToTheMillisecond, TestRenewKeepsTheDeadline,
//	                                          prolong it                                         TestLifetimeToTheMillisecond
//	7.4.1  ended is ended                     compare-and-set, no write without a session        TestNeverResurrectedInAnyInterleaving, TestNeverResurrectedThoughCommandsFail
//	                                          [Manager.Watch] for streams                        TestWatchEndsWithTheSession
//	7.4.2  account disabled: all end          [Manager.DestroyAll]                               TestDestroyAllWhileOthersLogIn
//	7.4.3  credential changed: others end     [Manager.DestroyOthers]                            TestDestroyOthers
//	7.4.5  administrators end sessions        DestroyAll, [Manager.DestroyEveryone]              TestDestroyEveryone
//	7.5.2  users see and end their own        [Manager.List], [Manager.DestroyOne]               TestListAndEndOne
//	14.3.1 authenticated data are cleared     Clear-Site-Data at logout                          TestCookie, TestBrowser (in bench)
//	14.3.2 no-store                           with a new cookie, and for who is logged in        TestCookie, TestHeadersDoNotComeTooLate
//
// From the Session Management Cheat Sheet: unknown tokens are never adopted (TestUnknownTokensAreNotAdopted). Tokens are not
// in URLs. The cookie's name is generic, and by default it ends with the browser. Ids can be renewed in time ([RenewEvery],
// TestRenewalInUse). Events name a session by its handle, not by its token ([OnEvent]).
//
// # Files
//
// Use between files goes one way, from the public methods down to the commands. The methods of [Manager] are in manager.go,
// update.go, flash.go, login.go, lifetime.go, lifecycle.go, users.go, handles.go, everyone.go, sweep.go, watch.go and middleware.go. They work on the session of
// a request: request.go, load.go and response.go. That sends commands: protocol.go, and the files that it names. What is
// left where a session was is in mark.go, several cookies in cookies.go. At the bottom are the token, the stored record, the
// events and the options.
//
// Lock order: a session's turn in locks, then the mu of a requestSession. The locks of orphans and locks are held for a few
// instructions only, and nothing is called with them held.
package session
