package main

import (
	"regexp"
	"slices"
	"strings"
)

// luaMutants lists the mutants of a Lua file. Each is as well formed as the
// file itself.
func luaMutants(pkg, file string, src []byte) []mutant {
	l := &luaFile{editor: editor{pkg: pkg, file: file, src: src}, toks: luaTokens(src)}
	for i := range l.toks {
		l.operators(i)
		l.conditions(i)
		l.calls(i)
		l.assignment(i)
	}
	return l.found
}

type luaToken struct {
	text       string
	start, end int
	first      bool // the first one of its line
}

var (
	luaLexeme = regexp.MustCompile(`--[^\n]*|'(?:[^'\\\n]|\\.)*'|"(?:[^"\\\n]|\\.)*"|\n|[A-Za-z_]\w*|\d+(?:\.\d+)?|[<>=~]=|\.\.\.?|\S`)
	luaNumber = regexp.MustCompile(`^\d+(\.\d+)?$`)
	luaCount  = regexp.MustCompile(`^\d\d?$`) // larger ones are scales and sizes
	luaName   = regexp.MustCompile(`^[A-Za-z_]\w*$`)
	luaPaired = map[string]string{
		"<": "<=", "<=": "<", ">": ">=", ">=": ">", "==": "~=", "~=": "==",
		"and": "or", "or": "and", "+": "-", "-": "+",
	}
	luaExpire = []string{"'PEXPIRE'", "'EXPIRE'", "'PEXPIREAT'"}
	luaPX     = []string{"'PX'", "'EX'", "'PXAT'"}
)

// luaTokens returns the tokens of src without its comments.
func luaTokens(src []byte) []luaToken {
	var toks []luaToken
	first := true
	for _, at := range luaLexeme.FindAllIndex(src, -1) {
		text := string(src[at[0]:at[1]])
		if text == "\n" {
			first = true
			continue
		}
		if strings.HasPrefix(text, "--") {
			continue
		}
		toks = append(toks, luaToken{text, at[0], at[1], first})
		first = false
	}
	return toks
}

type luaFile struct {
	editor
	toks []luaToken
}

func (l *luaFile) at(i int) string {
	if i < 0 || i >= len(l.toks) {
		return ""
	}
	return l.toks[i].text
}

// around wraps the tokens from i to j, j included.
func (l *luaFile) around(i, j int, op, before, after string) {
	l.wrap(l.toks[i].start, l.toks[j].end, op, before, after)
}

// operators changes an operator or a number.
func (l *luaFile) operators(i int) {
	t := l.toks[i]
	if to, ok := luaPaired[t.text]; ok {
		if t.text == "-" && !operand(l.at(i-1)) {
			return // a sign
		}
		l.replace(t.start, t.end, t.text+" becomes "+to, to)
	}
	if luaCount.MatchString(t.text) && (l.at(i-1) != "[" || l.at(i-2) != "KEYS" && l.at(i-2) != "ARGV") {
		l.replace(t.start, t.end, "constant plus one", "("+t.text+" + 1)")
	}
}

// operand reports whether an expression can end with the token t.
func operand(t string) bool {
	return t == ")" || t == "]" || luaNumber.MatchString(t) || luaName.MatchString(t) && t != "return" && t != "and" && t != "or"
}

// conditions changes what an if asks.
func (l *luaFile) conditions(i int) {
	if t := l.at(i); t != "if" && t != "elseif" {
		return
	}
	for j := i + 1; j < len(l.toks); j++ {
		if l.at(j) == "then" {
			l.around(i+1, j-1, "condition never holds", "false and (", ")")
			l.around(i+1, j-1, "condition always holds", "true or (", ")")
			return
		}
	}
}

// calls changes math.max, math.min and what is sent to Redis.
func (l *luaFile) calls(i int) {
	if l.at(i+1) != "." || l.at(i+3) != "(" {
		return
	}
	args, end := l.args(i + 3)
	switch name := l.at(i) + "." + l.at(i+2); name {
	case "math.max", "math.min":
		other := map[string]string{"math.max": "math.min", "math.min": "math.max"}[name]
		l.replace(l.toks[i].start, l.toks[i+2].end, name+" becomes "+other, other)
		for _, a := range args {
			text := string(l.src[l.toks[a[0]].start:l.toks[a[1]].end])
			l.replace(l.toks[i].start, l.toks[end].end, name+" dropped", "("+text+")")
		}
	case "redis.call", "redis.pcall":
		if prev := l.at(i - 1); l.toks[i].first && !continues(prev) || prev == "then" || prev == "do" || prev == "else" {
			l.replace(l.toks[i].start, l.toks[end].end, "call removed", "do end")
		}
		l.expiry(args)
	}
}

// continues reports whether the token t leaves a statement unfinished.
func continues(t string) bool {
	return slices.Contains([]string{"=", "(", "{", ",", "and", "or", "not", "return", "..", "+", "-", "==", "~=", "<", ">", "<=", ">="}, t)
}

// expiry halves the time to live in the arguments of a command.
func (l *luaFile) expiry(args [][2]int) {
	for n, a := range args {
		ttl := -1
		switch t := l.at(a[0]); {
		case n == 0 && slices.Contains(luaExpire, t):
			ttl = 2
		case slices.Contains(luaPX, t):
			ttl = n + 1
		}
		if ttl >= 0 && ttl < len(args) {
			l.around(args[ttl][0], args[ttl][1], "time to live halved", "math.floor((", ") / 2)")
		}
	}
}

// args returns the tokens of each argument of the call whose parenthesis is
// token i, and the token that closes it.
func (l *luaFile) args(i int) (args [][2]int, end int) {
	depth, from := 0, i+1
	for j := i; j < len(l.toks); j++ {
		switch l.at(j) {
		case "(", "[", "{":
			depth++
		case ")", "]", "}":
			if depth--; depth == 0 {
				if from < j {
					args = append(args, [2]int{from, j - 1})
				}
				return args, j
			}
		case ",":
			if depth == 1 {
				args, from = append(args, [2]int{from, j - 1}), j+1
			}
		}
	}
	return args, len(l.toks) - 1
}

// assignment removes an assignment that stands on a line of its own.
func (l *luaFile) assignment(i int) {
	if !l.toks[i].first || !luaName.MatchString(l.at(i)) || l.at(i) == "local" || l.at(i) == "for" {
		return
	}
	depth, set, last := 0, false, i
	for j := i; j < len(l.toks) && (j == i || !l.toks[j].first); j++ {
		switch l.at(j) {
		case "(", "[", "{":
			depth++
		case ")", "]", "}":
			depth--
		case "=":
			set = set || depth == 0
		case "if", "then", "function", "return", "do", "end":
			return
		}
		last = j
	}
	if set && depth == 0 && !continues(l.at(last)) && !continues(l.at(last+1)) {
		l.replace(l.toks[i].start, l.toks[last].end, "assignment removed", "do end")
	}
}
