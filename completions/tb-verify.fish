# fish completion: what --help says is what is offered.
function __tb_verify_offers
	set -l words
	for word in (commandline -opc)[2..]
		string match -q -- '-*' $word; and break
		set -a words $word
	end
	set -l help (tb-verify $words --help 2>/dev/null)
	while test $status -ne 0 -a (count $words) -gt 0
		set -e words[-1]
		set help (tb-verify $words --help 2>/dev/null)
	end
	string match -rg '^ +(--[a-z-]+)' -- $help
	string match -rg '^  ([a-z]+)  ' -- $help
end
complete -c tb-verify -a '(__tb_verify_offers)'
