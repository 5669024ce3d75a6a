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
//
// # How a session lives
//
// The client holds a token: a selector that names the session, an id of 256 bits from crypto/rand, and, once a user is
// logged in, a locator of the user. Redis has hashes: the SHA-256 of the selector names the key, that of the id is in
// the value. A renewal replaces the id within the key, so there is never a moment with two sessions or none. A login
// begins another session, which takes over the data: a session has the same user, or none, for all its life.
//
// The sessions of a user are one sorted set, and a session with a user is valid while its handle is in there. It is put
// in once, before anybody has its token, so what was taken out does not get back. Ending one, the others or all, and
// the bound of [MaxPerUser], are each one command on one key, which holds from that moment on all nodes, also on
// Cluster, where a session and its user's set are on different servers. A request reads both in one round trip. If
// either is lost, the session has ended.
//
// Every change is a script that stores it only if the session is there and has the version that was read. If somebody
// else was first, the change is made again on top of theirs; if the session ended, it is dropped ([ErrEnded]).
//
// Times are those of the Redis servers, each for its own keys; the clocks of two machines are never compared. Use
// prolongs a session once in a tenth of the idle time, so most requests only read.
//
// A session of a user takes 393 bytes in Redis without data, and 649 with 300 bytes of them, its entry in the set and
// Redis's own tables included (TestMemoryPerSession, redis-server 7.0). To read it takes a request one round trip, to
// change it another one; a login takes two or three.
//
// # What it does not do
//
// Redis replicates asynchronously: after a failover the last changes, and logouts, may be missing, as with everything
// that is kept in Redis alone. Where that is too much, use WAIT or min-replicas-to-write on the server. Data of a
// session from before a login go on in the new one; what an attacker may have put there is for the program to judge. How long a
// node tries to reach Redis is bounded by [Timeout], for each command; there is no circuit breaker. A caller whose
// context is cancelled waits no longer.
//
// # OWASP ASVS 5.0
//
//	requirement                               how it is met                                      test
//	3.3.1  Secure, __Host- or __Secure-       default; [InsecureDevelopment] is the one way out  TestCookie, TestCookieOptions
//	3.3.2  SameSite                           Lax, or [SameSiteStrict]                           TestCookie, TestCookieOptions
//	3.3.3  __Host- unless shared              default; [Domain] asks for __Secure-               TestBadOptionsPanic
//	3.3.4  HttpOnly                           always                                             TestCookie
//	3.3.5  at most 4096 bytes                 95 bytes                                           TestCookie
//	3.5.1  requests from other origins        net/http.CrossOriginProtection; [CrossOrigin]      TestCrossOriginRequestsAreRefused
//	7.1.1  timeouts are documented            [Idle], [Absolute]                                 TestIdleToTheMillisecond, TestAbsoluteToTheMillisecond
//	7.1.2  parallel sessions are bounded      [MaxPerUser]: evict or refuse                      TestMaxPerUserHoldsOnAllNodes
//	7.2.1  tokens are verified by a backend   each request, in Redis                             TestForeignLocator, FuzzHeader
//	7.2.2  no static secrets                  tokens are made at run time                        TestTokensAreRandom
//	7.2.3  128 bits or more from a CSPRNG     256 bits from crypto/rand, only hashes are stored  TestTokensAreRandom, TestOnlyHashesInRedis
//	7.2.4  new token at authentication        Login and Renew end the old id at once             TestLife, TestLoginEndsTheGracePeriod
//	7.3.1  idle timeout                       30 min, [Idle]                                     TestIdleToTheMillisecond
//	7.3.2  absolute timeout                   12 h, [Absolute]; renewals don't prolong it        TestAbsoluteToTheMillisecond, TestRenewKeepsTheDeadline
//	7.4.1  ended is ended                     compare-and-set, no write without a session        TestNeverResurrectedInAnyInterleaving, TestNeverResurrectedThoughCommandsFail
//	7.4.2  account disabled: all end          [Manager.DestroyAll]                               TestDestroyAllWhileOthersLogIn
//	7.4.3  credential changed: others end     [Manager.DestroyOthers]                            TestDestroyOthers
//	7.4.5  administrators end sessions        DestroyAll, [Manager.DestroyEveryone]              TestDestroyEveryone
//	7.5.2  users see and end their own        [Manager.List], [Manager.DestroyOne]               TestListAndEndOne
//	14.3.1 authenticated data are cleared     Clear-Site-Data at logout                          TestCookie, TestBrowser (in bench)
//	14.3.2 no-store                           with a new cookie, and for who is logged in        TestCookie
//
// From the Session Management Cheat Sheet: unknown tokens are never adopted (TestUnknownTokensAreNotAdopted), tokens are
// not in URLs, the cookie's name is generic and it goes with the browser, ids can be renewed in time ([RenewEvery],
// TestRenewalInUse), and events name a session by its handle, not by its token ([OnEvent]).
package session
