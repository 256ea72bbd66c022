package httpapi

import (
	"log/slog"
	"net/http"
	"time"
)

const (
	idleTimeout   = 6 * time.Minute // the host keeps its connections for one: it must be the first to close
	headerTimeout = 10 * time.Second
	readTimeout   = 30 * time.Second // the whole request
	writeTimeout  = 2 * time.Minute  // from the end of the header: longer than the longest wait, 60 s
	maxHeader     = 64 << 10
)

// NewServer is an [http.Server] with the limits of the contract. Its address
// and listener are the caller's.
func NewServer(h http.Handler, log *slog.Logger) *http.Server {
	return &http.Server{
		Handler:                      h,
		IdleTimeout:                  idleTimeout,
		ReadHeaderTimeout:            headerTimeout,
		ReadTimeout:                  readTimeout,
		WriteTimeout:                 writeTimeout,
		MaxHeaderBytes:               maxHeader,
		DisableGeneralOptionsHandler: true,
		ErrorLog:                     slog.NewLogLogger(log.Handler(), slog.LevelWarn),
	}
}
