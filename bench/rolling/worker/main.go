// Command worker is a process that command rolling starts.
package main

import (
	"fmt"
	"os"

	"github.com/jollyjet/aside/bench/rolling/node"
)

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "worker: want a configuration; command rolling starts it")
		os.Exit(2)
	}
	if err := node.Run(os.Args[1], os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "worker:", err)
		os.Exit(1)
	}
}
