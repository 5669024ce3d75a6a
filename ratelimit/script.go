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

// head gives a script the time. Tests have another, with which hours pass in milliseconds.
var head = lua("head")

// A meter's file is statements in two parts. The first reads the state of key by limit, unit and slots. It declares rest,
// the permits left; back, the time until all are back; and wait(m), the time until m are left, for an m above rest. The
// second part charges n permits, and changes back. Only that one writes, so a denial costs a replica nothing.
const takes = "-- take\n"

// The script for one key; take.lua is for several.
const (
	oneBegin  = "local key, limit, unit, slots = KEYS[1], tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])\n"
	oneDecide = "local due, next = 0, 0\nif n > rest then due = wait(n)\nelseif n > 0 then\nrest = rest - n\n"
	oneEnd    = "end\nif rest < limit then next = wait(rest + 1) end\nreturn { now, due, rest, next, back }\n"
)

func meterLua(a *algorithm) (read, take string) {
	read, take, ok := strings.Cut(lua(a.meter), takes)
	if !ok {
		panic("ratelimit: " + a.meter + ".lua has no part that takes")
	}
	return read, take
}

// takeScript contains the meters of the algorithms in use and no more. For a single policy, the hot path, it avoids
// functions where it can: Redis creates them anew at each call, and they are half of what the script costs.
func takeScript(head string, parts []part) *script {
	texts := []string{head, lua("take_head")}
	for _, p := range parts {
		for _, helper := range p.algorithm.helpers {
			if text := lua(helper); !slices.Contains(texts, text) {
				texts = append(texts, text)
			}
		}
	}
	if len(parts) == 1 {
		read, take := meterLua(parts[0].algorithm)
		return newScript(append(texts, oneBegin, read, oneDecide, take, oneEnd)...)
	}
	var names []string
	seen := map[string]bool{}
	for _, p := range parts {
		names = append(names, p.algorithm.meter)
		if read, take := meterLua(p.algorithm); !seen[p.algorithm.meter] {
			seen[p.algorithm.meter] = true
			texts = append(texts, "local function ", p.algorithm.meter, "(key, limit, unit, slots)\n", read,
				"local function take()\n", take, "return back\nend\nreturn rest, back, wait, take\nend\n")
		}
	}
	return newScript(append(texts, "local kinds = { ", strings.Join(names, ", "), " }\n", lua("take"))...)
}

func newRefundScript(head string, a *algorithm) *script {
	return newScript(head, lua("refund_head"), lua(a.refund))
}

func newRenewScript(head string) *script {
	return newScript(head, lua("refund_head"), lua("leases_bound"), lua("leases_renew"))
}

// renewScript prolongs a lease, or takes it back.
var renewScript = sync.OnceValue(func() *script { return newRenewScript(head) })

var refundScripts sync.Map // of *script, by *algorithm

// refundScriptOf takes a charge back.
func refundScriptOf(a *algorithm) *script {
	if s, ok := refundScripts.Load(a); ok {
		return s.(*script)
	}
	s, _ := refundScripts.LoadOrStore(a, newRefundScript(head, a))
	return s.(*script)
}
