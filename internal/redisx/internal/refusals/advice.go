package refusals

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/jollyjet/aside/internal/redisx/internal/rediserr"
)

// reply returns what Redis said, without what a client or a script has added.
func reply(err error) string {
	text := err.Error()
	if i := strings.Index(text, " script: "); i > 0 {
		text = text[:i]
	}
	return text
}

// unnamed reports whether a script was not allowed a command, and Redis does not say which one.
func unnamed(err error) bool {
	return strings.Contains(err.Error(), "can't run this command") // Redis 7.0; other versions name the command
}

var forbidden = regexp.MustCompile(`run the '([^']+)' (?:sub)?command`)

// advice says what to do about a refusal.
func advice(keys string, err error) string {
	says := func(words ...string) bool { return rediserr.Says(err, words...) }
	text := err.Error()
	switch command := forbidden.FindStringSubmatch(text); {
	case command != nil:
		return fmt.Sprintf("grant the user +%s", command[1])
	case strings.Contains(text, "NOPERM") && strings.Contains(text, "channel"):
		return "grant the user the channel &__redis__:invalidate"
	case strings.Contains(text, "NOPERM"):
		return "grant the user the keys ~" + keys
	case says("WRONGPASS"), says("NOAUTH"):
		return "correct the user name or the password of the client"
	case says("OOM"):
		return "Redis is full and may evict nothing: raise maxmemory, or set maxmemory-policy to allkeys-lru"
	case says("READONLY"):
		return "the address leads to a replica: let it lead to the master"
	case says("NOREPLICAS"):
		return "Redis has fewer replicas than min-replicas-to-write asks for"
	case says("MISCONF"):
		return "Redis can't save its data: look into its log and its disk"
	case says("BUSY"):
		return "a script or function has been running for too long: SCRIPT KILL or FUNCTION KILL ends it"
	case says("LOADING"):
		return "Redis is loading its data: wait"
	case rediserr.UnknownCommand(err):
		return "this Redis does not have the command, or it is renamed; aside needs it under its own name"
	default:
		return "look into Redis's log"
	}
}
