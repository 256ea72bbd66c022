package console_test

import (
	"time"

	"github.com/authorization-fabric/fabric/handler/internal/approval"
	"github.com/authorization-fabric/fabric/handler/internal/identity"
)

// wordy has words for everything.
type wordy struct{}

// Limit implements [console.Words].
func (wordy) Limit(identity.Principal, *approval.Document, time.Time) string { return "100,000 EUR" }

// Approver implements [console.Words].
func (wordy) Approver(string, string, time.Time) string { return "a finance manager" }
