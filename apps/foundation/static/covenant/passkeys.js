/* Says in words what went wrong with a passkey; allauth's own script only writes it to the console. */
(function () {
  const WORDS = {
    NotAllowedError: 'The passkey was not used: it was cancelled, or it took too long. Try again.',
    InvalidStateError: 'This passkey is already added.',
    SecurityError: 'This browser does not allow passkeys on this address. Open the site by its name, over HTTPS.',
    NotSupportedError: 'This device has no passkey that fits.'
  }
  document.addEventListener('allauth.error', function (event) {
    const exception = event.detail.exception
    const place = document.getElementById('passkey_trouble')
    if (!place) return
    event.preventDefault()
    place.textContent = WORDS[exception.name] || 'The passkey could not be used. Try again, or sign in another way.'
    place.hidden = false
  })
})()
