//! A stream that can be told to end in the middle of what is written to it.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// How many bytes may still be written; [`Budget::UNLIMITED`] at first.
#[derive(Debug, Clone)]
pub(super) struct Budget(Arc<AtomicU64>);

impl Budget {
    const UNLIMITED: u64 = u64::MAX;

    pub(super) fn new() -> Self {
        Budget(Arc::new(AtomicU64::new(Self::UNLIMITED)))
    }

    /// Lets so many bytes more through, then ends the stream.
    pub(super) fn limit(&self, bytes: u64) {
        self.0.store(bytes, Ordering::Relaxed);
    }

    fn left(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }

    fn spend(&self, bytes: usize) {
        let left = self.left();
        if left != Self::UNLIMITED {
            self.0.store(left.saturating_sub(u64::try_from(bytes).unwrap_or(u64::MAX)), Ordering::Relaxed);
        }
    }
}

/// The stream under a budget.
pub(super) struct CutStream<S> {
    inner: S,
    budget: Budget,
}

impl<S> CutStream<S> {
    pub(super) fn new(inner: S, budget: Budget) -> Self {
        CutStream { inner, budget }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for CutStream<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_read(cx, buffer)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for CutStream<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let left = self.budget.left();
        if left == 0 {
            return Poll::Ready(Err(io::ErrorKind::ConnectionAborted.into()));
        }
        let most = usize::try_from(left).unwrap_or(usize::MAX).min(bytes.len());
        let part = bytes.get(..most).unwrap_or_default();
        let written = std::task::ready!(Pin::new(&mut self.inner).poll_write(cx, part))?;
        self.budget.spend(written);
        Poll::Ready(Ok(written))
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(cx)
    }
}
