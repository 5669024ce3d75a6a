// Package archtest holds the test that keeps imports going one way.
package archtest
