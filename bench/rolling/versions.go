package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// version is a worker built with one version of aside.
type version struct {
	name   string // "old" or "new"
	binary string
	env    []string // in addition to this process's
	schema string   // what the worker takes for the version of its values' encoding; "" for cacheable's default
}

// build builds the worker of this tree with the aside of a commit, and with that of the tree. Without a commit both are of
// the tree. What it makes is in dir, apart from a worktree that git knows of until remove is called.
func build(ctx context.Context, dir, from string) (older, newer version, remove func(), err error) {
	remove = func() {}
	root, err := command(ctx, ".", "go", "list", "-m", "-f", "{{.Dir}}", "github.com/jollyjet/aside")
	if err != nil {
		return older, newer, remove, err
	}
	newer = version{name: "new", binary: filepath.Join(dir, "new")}
	if err := compile(ctx, root, newer.binary); err != nil {
		return older, newer, remove, err
	}
	older = version{name: "old", binary: newer.binary}
	if from == "" {
		return older, newer, remove, nil
	}
	older.binary = filepath.Join(dir, "old")
	tree := filepath.Join(dir, "tree")
	if _, err := command(ctx, root, "git", "worktree", "add", "--detach", tree, from); err != nil {
		return older, newer, remove, err
	}
	remove = func() {
		_, _ = command(context.WithoutCancel(ctx), root, "git", "worktree", "remove", "--force", tree)
	}
	return older, newer, remove, compileThere(ctx, root, tree, older.binary)
}

// compileThere compiles the worker of this tree in another, whose go.mod says which aside and which go-redis it gets.
func compileThere(ctx context.Context, root, tree, binary string) error {
	there := filepath.Join(tree, "bench", "rolling")
	if err := os.RemoveAll(there); err != nil {
		return err
	}
	if err := os.CopyFS(there, os.DirFS(filepath.Join(root, "bench", "rolling"))); err != nil {
		return err
	}
	return compile(ctx, tree, binary)
}

func compile(ctx context.Context, tree, binary string) error {
	_, err := command(ctx, filepath.Join(tree, "bench"), "go", "build", "-buildvcs=false", "-o", binary, "./rolling/worker")
	return err
}

// command runs a command and returns what it prints.
func command(ctx context.Context, dir, name string, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Dir = dir
	var out, trouble bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &trouble
	if err := cmd.Run(); err != nil {
		return "", fmt.Errorf("%s %s: %w\n%s", name, strings.Join(args, " "), err, trouble.String())
	}
	return strings.TrimSpace(out.String()), nil
}
