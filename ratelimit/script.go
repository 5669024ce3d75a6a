package ratelimit

import (
	"embed"
	"slices"
	"strings"
	"sync"

	"github.com/jollyjet/aside/internal/redisx"
)

//go:embed lua/*.lua
var luaFiles embed.FS

func lua(name string) string {
	text, err := luaFiles.ReadFile("lua/" + name + ".lua")
	if err != nil {
		panic(err) // the file is part of the program
	}
	return string(text)
}

type script = redisx.Script

func newScript(texts ...string) *script { return redisx.NewScript(strings.Join(texts, "")) }

// head gives a script the time. Tests have one of their own, to run hours in milliseconds.
var head = lua("head")

// A meter's file is statements in two parts. The first reads the state of key by limit, unit and slots, and declares rest,
// the permits left; back, how long it is until all are there; and wait(m), how long it is until m are left, which is more
// than rest. The second charges n permits, and changes back. Only that one writes, so a denial costs a replica nothing.
const takes = "-- take\n"

// The case of one key; see take.lua.
const (
	oneBegin  = "local key, limit, unit, slots = KEYS[1], tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])\n"
	oneDecide = "local due, next = 0, 0\nif n > rest then due = wait(n)\nelseif n > 0 then\nrest = rest - n\n"
	oneEnd    = "end\nif rest < limit then next = wait(rest + 1) end\nreturn { now, due, rest, next, back }\n"
)

func meterLua(k *kind) (read, take string) {
	read, take, ok := strings.Cut(lua(k.meter), takes)
	if !ok {
		panic("ratelimit: " + k.meter + ".lua has no part that takes")
	}
	return read, take
}

// takeScript holds the meters of the kinds in use and no more. For one policy, which is on everybody's way, it has no
// functions that it can do without: Redis makes them anew at each call, and they are half of what the script costs.
func takeScript(head string, parts []part) *script {
	texts := []string{head, lua("take_head")}
	for _, p := range parts {
		if helper := p.kind.helper; helper != "" && !slices.Contains(texts, lua(helper)) {
			texts = append(texts, lua(helper))
		}
	}
	if len(parts) == 1 {
		read, take := meterLua(parts[0].kind)
		return newScript(append(texts, oneBegin, read, oneDecide, take, oneEnd)...)
	}
	var names []string
	seen := map[*kind]bool{}
	for _, p := range parts {
		names = append(names, p.kind.meter)
		if read, take := meterLua(p.kind); !seen[p.kind] {
			seen[p.kind] = true
			texts = append(texts, "local function ", p.kind.meter, "(key, limit, unit, slots)\n", read,
				"local function take()\n", take, "return back\nend\nreturn rest, back, wait, take\nend\n")
		}
	}
	return newScript(append(texts, "local kinds = { ", strings.Join(names, ", "), " }\n", lua("take"))...)
}

func refundScript(head string, k *kind) *script {
	return newScript(head, lua("refund_head"), lua(k.refund))
}

func renewScript(head string) *script {
	return newScript(head, lua("refund_head"), lua("leases_renew"))
}

var (
	renewing = sync.OnceValue(func() *script { return renewScript(head) })

	refunds sync.Map // of *script, by *kind
)

func (k *kind) refunding() *script {
	if s, ok := refunds.Load(k); ok {
		return s.(*script)
	}
	s, _ := refunds.LoadOrStore(k, refundScript(head, k))
	return s.(*script)
}
