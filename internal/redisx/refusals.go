package redisx

import (
	"fmt"
	"log/slog"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"
)

// refusals are what Redis refuses at present. Each cause is told once when it begins, and again when it comes back or
// changes.
type refusals struct {
	log  *slog.Logger // nil: nobody is told
	keys string       // the pattern of keys that a user has to be granted

	mu      sync.Mutex
	byCause map[string]*cause
}

// cause is one for which Redis refuses commands.
type cause struct {
	Refusal
	told time.Time
}

// Refusal is a cause for which Redis has refused commands of late.
type Refusal struct {
	Node    string    // the address
	Command string    // the first that was refused, in capitals
	Reply   string    // Redis's own words
	Advice  string    // what to do about it
	Since   time.Time // when it began
	Last    time.Time // when a command was refused last
	Count   int64
}

const (
	refusedFor = time.Second // a cause counts as past when nothing was refused for so long
	toldAgain  = time.Minute // a cause that comes and goes is told as often as that
)

// note takes note of a command that Redis has refused. It is told of every one.
func (r *refusals) note(addr string, cmd redis.Cmder, err error) {
	command, reply, advice := cmd.Name(), words(err), remedy(r.keys, err)
	key := addr + " " + advice
	if s := scriptOf(cmd); s != nil && inScript(err) {
		advice = "grant the user what this script uses: +" + strings.Join(s.commands(), " +")
		key = addr + " script" // others lack the same, or are told when this one is granted
	}
	r.mu.Lock()
	now := time.Now()
	one := r.byCause[key]
	if one == nil {
		if r.byCause == nil {
			r.byCause = make(map[string]*cause)
		}
		one = &cause{}
		r.byCause[key] = one
	}
	if now.Sub(one.Last) > refusedFor {
		one.Refusal = Refusal{Node: addr, Command: strings.ToUpper(command), Reply: reply, Advice: advice, Since: now}
	}
	one.Last = now
	one.Count++
	tell := one.told.IsZero() || one.Count == 1 && now.Sub(one.told) > toldAgain
	if tell {
		one.told = now
	}
	told := one.Refusal
	r.mu.Unlock() // a handler of logs is not ours
	if tell && r.log != nil {
		r.log.Warn("aside: Redis refuses "+told.Command+"; "+advice, "node", addr, "command", told.Command, "reply", reply)
	}
}

// now returns the causes of now.
func (r *refusals) now() []Refusal {
	r.mu.Lock()
	defer r.mu.Unlock()
	var all []Refusal
	for _, one := range r.byCause {
		if time.Since(one.Last) <= refusedFor {
			all = append(all, one.Refusal)
		}
	}
	slices.SortFunc(all, func(a, b Refusal) int { return strings.Compare(a.Node+a.Advice, b.Node+b.Advice) })
	return all
}

// words are what Redis said, without what a client or a script has put around it.
func words(err error) string {
	text := err.Error()
	if i := strings.Index(text, " script: "); i > 0 {
		text = text[:i]
	}
	return text
}

// inScript reports whether a script was not allowed a command, and Redis does not say which.
func inScript(err error) bool {
	return strings.Contains(err.Error(), "can't run this command") // Redis 7.0; earlier and later ones name it
}

var forbidden = regexp.MustCompile(`run the '([^']+)' (?:sub)?command`)

// remedy says what to do about what Redis refuses.
func remedy(keys string, err error) string {
	says := func(words ...string) bool { return Says(err, words...) }
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
	case UnknownCommand(err):
		return "this Redis does not have the command, or it is renamed; aside needs it under its own name"
	default:
		return "look into Redis's log"
	}
}

// blindness says once that a server does not tell who it is. It is the [Watcher] of those who need no other.
type blindness struct {
	log  *slog.Logger
	once sync.Once
}

// Met implements [Watcher].
func (*blindness) Met(string, Identity) {}

// Blind implements [Watcher].
func (b *blindness) Blind(addr string, cause error) {
	b.once.Do(func() {
		b.log.Warn("aside: this Redis does not say in INFO who it is, so aside can't notice when its address leads to a replica or to another server; grant +info",
			"node", addr, "cause", cause)
	})
}
