//! The options in the parentheses of `#[plugin_export(..)]`.

use proc_macro2::{Ident, TokenStream, TokenTree};
use syn::parse::{ParseStream, Parser};
use syn::{Error, LitStr, Path, Token};

use crate::mistakes::Mistakes;
use crate::sdk::parse_crate;

pub(crate) mod keyword {
    syn::custom_keyword!(init);
    syn::custom_keyword!(shutdown);
    syn::custom_keyword!(save);
    syn::custom_keyword!(restore);
    syn::custom_keyword!(name);
    syn::custom_keyword!(default);
    syn::custom_keyword!(fallback);
}

/// Parses options that are separated by commas, each with `parse_one`. After a mistake in one option it goes on with the next, which
/// may be wrong too.
pub(crate) fn parse_options(
    tokens: TokenStream,
    mistakes: &mut Mistakes,
    mut parse_one: impl FnMut(ParseStream) -> syn::Result<()>,
) {
    let parse_all = |input: ParseStream| {
        while !input.is_empty() {
            let parsed = parse_one(input).and_then(|()| match input.is_empty() || input.peek(Token![,]) {
                true => Ok(()),
                false => Err(input.error("expected `,`")),
            });
            if let Err(error) = parsed {
                mistakes.push(error);
                while !input.is_empty() && !input.peek(Token![,]) {
                    input.parse::<TokenTree>()?;
                }
            }
            input.parse::<Option<Token![,]>>()?;
        }
        Ok(())
    };
    if let Err(error) = parse_all.parse2(tokens) {
        mistakes.push(error);
    }
}

/// Parses the option `name = ".."` into `name`.
pub(crate) fn parse_name(input: ParseStream, name: &mut Option<LitStr>) -> syn::Result<()> {
    let word = input.parse::<keyword::name>()?;
    input.parse::<Token![=]>()?;
    match name.replace(input.parse()?) {
        None => Ok(()),
        Some(_) => Err(Error::new(word.span, "`name` is given twice")),
    }
}

/// Checks a name that a host reads. A host refuses any other name. `of` is the name's owner.
pub(crate) fn check_name(name: &LitStr, of: &str, mistakes: &mut Mistakes) {
    if name.value().is_empty() {
        mistakes.add(name, format!("{of}'s name cannot be empty"));
    } else if name.value().contains(char::is_control) {
        mistakes.add(name, format!("{of}'s name cannot contain control characters"));
    }
}

/// The purpose of an export.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Role {
    #[default]
    Export,
    Init,
    Shutdown,
    Save,
    Restore,
}

/// The options of the attribute.
#[derive(Default)]
pub(crate) struct Options {
    pub(crate) role: Role,
    pub(crate) name: Option<LitStr>,
    /// The path of plugin-core.
    pub(crate) sdk: Option<Path>,
}

impl Options {
    pub(crate) fn new(tokens: TokenStream, mistakes: &mut Mistakes) -> Self {
        let mut options = Options::default();
        parse_options(tokens, mistakes, |input| options.parse_one(input));
        if let (true, Some(name)) = (options.role != Role::Export, &options.name) {
            mistakes.add(name, "a hook has no name to be looked up by");
        }
        options
    }

    fn parse_one(&mut self, input: ParseStream) -> syn::Result<()> {
        let span = input.span();
        let next = input.lookahead1();
        let role = if next.peek(keyword::init) {
            Some(Role::Init)
        } else if next.peek(keyword::shutdown) {
            Some(Role::Shutdown)
        } else if next.peek(keyword::save) {
            Some(Role::Save)
        } else if next.peek(keyword::restore) {
            Some(Role::Restore)
        } else {
            None
        };
        if let Some(role) = role {
            input.parse::<Ident>()?;
            if std::mem::replace(&mut self.role, role) != Role::Export {
                return Err(Error::new(span, "a hook is one of `init`, `shutdown`, `save` and `restore`, once"));
            }
        } else if next.peek(keyword::name) {
            parse_name(input, &mut self.name)?;
        } else if next.peek(Token![crate]) {
            parse_crate(input, &mut self.sdk)?;
        } else {
            return Err(next.error());
        }
        Ok(())
    }
}
