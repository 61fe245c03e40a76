# bash completion for tb-host and tb-verify: what --help says is what is offered.
_trustbuild()
{
	local cur=${COMP_WORDS[COMP_CWORD]} words=() i help
	for ((i = 1; i < COMP_CWORD; i++)); do
		case ${COMP_WORDS[i]} in
		-*) break ;;
		*) words+=("${COMP_WORDS[i]}") ;;
		esac
	done
	COMPREPLY=()
	# The deepest command that the words so far name.
	while :; do
		help=$("$1" "${words[@]}" --help 2>/dev/null) && break
		[ ${#words[@]} -gt 0 ] || return
		unset 'words[-1]'
	done
	if [[ $cur == -* ]]; then
		mapfile -t COMPREPLY < <(compgen -W "$(grep -oE '^ +--[a-z-]+' <<<"$help")" -- "$cur")
	else
		mapfile -t COMPREPLY < <(
			compgen -W "$(sed -n '/^Commands:/,/^$/s/^  \([a-z]*\) .*/\1/p' <<<"$help")" -- "$cur"
			compgen -f -- "$cur"
		)
	fi
}
complete -o filenames -F _trustbuild tb-host tb-verify
