// Package field reads the parts that HTTP fields are made of (RFC 9110, section 5.6): lists, dates and seconds. What is not
// well-formed is reported as such and never guessed: a date that is nearly right would make an answer fresh.
package field
