package session

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
)

const (
	selectorBytes = 16
	idBytes       = 32
	locatorBytes  = 16
	handleChars   = 22 // of 16 bytes in base64url

	anonymousBytes = selectorBytes + idBytes
	boundBytes     = selectorBytes + idBytes + locatorBytes
	anonymousChars = 64
	boundChars     = 86
)

// token is what the client holds. The selector names the session, and stays the same when the id is renewed. The id is
// the secret. The locator of the user lets one round trip read both the session and whether it is revoked. All three
// come from the client, so they are hashed before they become part of a key. The locator must be that of the session's
// user.
type token struct {
	selector [selectorBytes]byte
	id       [idBytes]byte
	locator  [locatorBytes]byte
	bound    bool   // it has a locator
	name     string // the handle, if the selector is not known; see Manager.LoadHandle
	anyID    bool   // it stands for the session whatever its id; see Manager.Watch
}

var alphabet = base64.RawURLEncoding.Strict()

func newToken() (t token) {
	t.renewSelector()
	t.renewID()
	return t
}

func (t *token) renewSelector() { _, _ = rand.Read(t.selector[:]) } // never fails

func (t *token) renewID() { _, _ = rand.Read(t.id[:]) }

func (t *token) bindTo(user string) { t.locator, t.bound = locatorOf(user), true }

// parseToken accepts exactly what String returns, and so one spelling of each token.
func parseToken(text string) (t token, ok bool) {
	if len(text) != anonymousChars && len(text) != boundChars || !plain(text) {
		return token{}, false
	}
	var raw [boundBytes]byte
	n, err := alphabet.Decode(raw[:], []byte(text))
	if err != nil {
		return token{}, false
	}
	copy(t.selector[:], raw[:selectorBytes])
	copy(t.id[:], raw[selectorBytes:anonymousBytes])
	if t.bound = n == boundBytes; t.bound {
		copy(t.locator[:], raw[anonymousBytes:])
	}
	return t, true
}

// plain reports whether text has only letters of the alphabet. Package base64 would skip line ends.
func plain(text string) bool {
	for i := range len(text) {
		switch c := text[i]; {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', c == '-', c == '_':
		default:
			return false
		}
	}
	return true
}

func (t *token) String() string {
	raw := make([]byte, 0, boundBytes)
	raw = append(append(raw, t.selector[:]...), t.id[:]...)
	if t.bound {
		raw = append(raw, t.locator[:]...)
	}
	return alphabet.EncodeToString(raw)
}

func (t *token) handle() string {
	if t.name != "" {
		return t.name
	}
	return nameOf(t.selector[:])
}

func (t *token) hash() [sha256.Size]byte { return sha256.Sum256(t.id[:]) }

func locatorOf(user string) (l [locatorBytes]byte) {
	sum := sha256.Sum256([]byte(user))
	copy(l[:], sum[:])
	return l
}

// nameOf returns the name of a part of a token in Redis keys.
func nameOf(part []byte) string {
	sum := sha256.Sum256(part)
	return alphabet.EncodeToString(sum[:16])
}

// seal encrypts an id with the id before it, so that only a client that has the old id can read the new one. Each id
// seals at most one other, its successor, so the pad is used once.
func seal(before, id [idBytes]byte) (sealed [idBytes]byte) {
	pad := sha256.Sum256(append([]byte("aside session successor "), before[:]...))
	for i := range sealed {
		sealed[i] = id[i] ^ pad[i]
	}
	return sealed
}

func unseal(before, sealed [idBytes]byte) [idBytes]byte { return seal(before, sealed) }
