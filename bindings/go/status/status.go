// SPDX-License-Identifier: Apache-2.0

// Package status holds what the packages verify and trustbuild share: codes, check ids and errors.
// It links nothing.
//
//	switch {
//	case errors.Is(err, status.Check("artifact.digest")): // this check refused
//	case errors.Is(err, status.Artifact): // this class of check refused
//	case status.IsVerdict(err): // refused by whatever check
//	}
package status

import (
	"errors"
	"fmt"
	"syscall"
)

// Code is a status code of the library (trustbuild/status.h). It is an error, so that errors.Is
// takes it.
type Code int

// The codes. Those at -1000 and below are verdicts: the evidence was read and does not satisfy the
// policy. With all others, nothing was decided.
const (
	Invalid     Code = -1  // the caller broke the contract
	NoMemory    Code = -2  // out of memory
	IO          Code = -3  // a file, device or peer could not be read or written
	Timeout     Code = -4  // a time limit passed
	Canceled    Code = -5  // the caller asked to stop
	NotFound    Code = -6  // the named thing does not exist
	Unsupported Code = -7  // the backend lacks the operation
	ABI         Code = -8  // a backend table from another ABI
	State       Code = -9  // right call, wrong order
	Limit       Code = -10 // a stated bound was reached
	Format      Code = -11 // malformed outside input
	Build       Code = -12 // the build's own command failed
	Again       Code = -13 // nothing yet
	Done        Code = -14 // an iterator's end

	Evidence    Code = -1000 // signature, chain, form, debug
	Measurement Code = -1001 // PCRs, locked PCRs
	Claim       Code = -1002 // claim, facts, statement, envelope disagree
	Source      Code = -1003 // repository, ref, commit, recipe
	Sandbox     Code = -1004 // runtime, network, limits
	Artifact    Code = -1005 // digest or name
	Freshness   Code = -1006 // nonce, document time, list age
	Assurance   Code = -1007 // simulated evidence, policy wants hardware
	Log         Code = -1008 // inclusion, checkpoint, witness quorum
	Endorsement Code = -1009 // too few endorsers
	Revoked     Code = -1010 // measurement, commit, repository, artifact, endorser, log
	Policy      Code = -1011 // the policy is not one, or demands nothing
)

var names = map[Code]string{
	0: "TRB_OK", Invalid: "TRB_E_INVAL", NoMemory: "TRB_E_NOMEM", IO: "TRB_E_IO",
	Timeout: "TRB_E_TIMEOUT", Canceled: "TRB_E_CANCELED", NotFound: "TRB_E_NOTFOUND",
	Unsupported: "TRB_E_UNSUPPORTED", ABI: "TRB_E_ABI", State: "TRB_E_STATE",
	Limit: "TRB_E_LIMIT", Format: "TRB_E_FORMAT", Build: "TRB_E_BUILD", Again: "TRB_E_AGAIN",
	Done: "TRB_E_DONE", Evidence: "TRB_E_EVIDENCE", Measurement: "TRB_E_MEASUREMENT",
	Claim: "TRB_E_CLAIM", Source: "TRB_E_SOURCE", Sandbox: "TRB_E_SANDBOX",
	Artifact: "TRB_E_ARTIFACT", Freshness: "TRB_E_FRESHNESS", Assurance: "TRB_E_ASSURANCE",
	Log: "TRB_E_LOG", Endorsement: "TRB_E_ENDORSEMENT", Revoked: "TRB_E_REVOKED",
	Policy: "TRB_E_POLICY",
}

// String is the code's name in C, for example "TRB_E_FORMAT".
func (c Code) String() string {
	if name, ok := names[c]; ok {
		return name
	}
	return "TRB_E_?"
}

// Error makes a Code a target for errors.Is.
func (c Code) Error() string { return c.String() }

// Check is the stable id of a check, for example "artifact.digest" (docs/verification.md). It is an
// error, so that errors.Is takes it.
type Check string

// Error makes a Check a target for errors.Is.
func (c Check) Error() string { return string(c) }

// Error is what the library said. Message may carry outside text: escape control characters before
// showing it on a terminal; Error() does.
type Error struct {
	Code    Code
	Check   Check         // empty where no check is concerned
	Verdict bool          // evidence was refused: what trb_error_is_verdict() says
	Errno   syscall.Errno // of the system call that failed; 0 where none is concerned
	Message string
	Cause   error // nil where there is none
}

// Error is one line without control characters: the check, the message, those of the causes, and
// the code.
func (e *Error) Error() string {
	text := quoted(e.Message)
	if e.Check != "" {
		text = string(e.Check) + ": " + text
	}
	for below := e.below(); below != nil; below = below.below() {
		text += ": " + quoted(below.Message)
	}
	return fmt.Sprintf("%s (%s)", text, e.Code)
}

func (e *Error) below() (cause *Error) {
	errors.As(e.Cause, &cause)
	return cause
}

func quoted(message string) string {
	text := fmt.Sprintf("%+q", message)
	return text[1 : len(text)-1]
}

// Unwrap gives the cause.
func (e *Error) Unwrap() error { return e.Cause }

// Is compares with a Code or a Check, and with what Errno is: a syscall.Errno, or for example
// fs.ErrPermission.
func (e *Error) Is(target error) bool {
	switch t := target.(type) {
	case Code:
		return e.Code == t
	case Check:
		return t != "" && e.Check == t
	}
	return e.Errno != 0 && errors.Is(e.Errno, target)
}

// IsVerdict says whether err is a refusal, be it of a bundle or document that cannot be read as
// one. Any other error decides nothing.
func IsVerdict(err error) bool {
	var e *Error
	return errors.As(err, &e) && e.Verdict
}

// CheckOf gives the id of the check that failed, empty where err names none.
func CheckOf(err error) Check {
	var e *Error
	if errors.As(err, &e) {
		return e.Check
	}
	return ""
}
