package session

import (
	"embed"

	"github.com/jollyjet/aside/internal/redisx"
)

//go:embed lua/*.lua
var luaFiles embed.FS

// Each script works on one key, so it runs on any node of a Cluster.
var (
	createScript   = script("head", "create")
	saveScript     = script("head", "save")
	slideScript    = script("head", "slide")
	deadlineScript = script("head", "deadline")
	graceScript    = script("head", "grace")
	claimScript    = script("claim")
	dropScript     = script("drop")
	takeScript     = script("head", "take")
	bindScript     = script("userhead", "bind")
	touchScript    = script("userhead", "touch")
	othersScript   = script("userhead", "others")
	pruneScript    = script("userhead", "prune")
	clearScript    = script("clear")
	forgetScript   = script("forget")
	unlockScript   = script("unlock")
	memberScript   = script("member")
)

func script(names ...string) *redisx.Script {
	var text []byte
	for _, name := range names {
		part, err := luaFiles.ReadFile("lua/" + name + ".lua")
		if err != nil {
			panic(err) // the file is part of the program
		}
		text = append(text, part...)
	}
	return redisx.NewScript(string(text))
}
